/**
 * A drawing of a face that the detector finds, as an SVG of 256 × 256 pixels. Replaces a camera in tests and in
 * the dashboard's sample. It is not a photo, so no person must give permission.
 */
export const DRAWN_FACE = `<svg xmlns="http://www.w3.org/2000/svg" width="256" height="256" viewBox="0 0 256 256">
<defs><radialGradient id="skin" cx="0.45" cy="0.4"><stop offset="0" stop-color="#f0c2a4"/><stop offset="1" stop-color="#d9a184"/></radialGradient></defs>
<rect width="256" height="256" fill="#8899aa"/>
<g transform="translate(128 128) scale(0.7)">
<path d="M-100 140 Q-90 75 -30 70 L30 70 Q90 75 100 140Z" fill="#334455"/>
<rect x="-22" y="45" width="44" height="40" fill="#c98f72"/>
<ellipse cy="-12" rx="62" ry="80" fill="#3a2a20"/>
<ellipse cy="5" rx="52" ry="68" fill="url(#skin)"/>
<path d="M-52 -10 Q-45 -70 0 -66 Q45 -70 52 -10 Q40 -45 0 -45 Q-40 -45 -52 -10Z" fill="#3a2a20"/>
<ellipse cx="-21" cy="-8" rx="11" ry="6" fill="#fff"/><ellipse cx="21" cy="-8" rx="11" ry="6" fill="#fff"/>
<circle cx="-21" cy="-8" r="5.5" fill="#2a1a12"/><circle cx="21" cy="-8" r="5.5" fill="#2a1a12"/>
<g fill="none" stroke="#3a2a20" stroke-width="4"><path d="M-34 -20 Q-21 -27 -9 -20"/><path d="M34 -20 Q21 -27 9 -20"/></g>
<path d="M-3 -8 L-8 22 Q0 28 8 22 L4 -8" fill="#cf9375" opacity="0.7"/>
<path d="M-8 22 Q0 28 8 22" fill="none" stroke="#8c5a44" stroke-width="3"/>
<path d="M-20 41 Q0 36 20 41 Q0 54 -20 41Z" fill="#a8504a"/>
<path d="M-20 41 Q0 45 20 41" fill="none" stroke="#6c2c2a" stroke-width="2"/>
</g></svg>`;
