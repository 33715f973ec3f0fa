#!/bin/sh
# Installs the Sparewheel agent as a service, updates it, or removes it. The control plane serves this script:
#
#   curl -fsSL http://HOST:3000/join/install.sh | sh -s -- TOKEN [options]
#
# As root it installs to /opt/sparewheel-agent, otherwise to ~/.local/share/sparewheel-agent.
# SPAREWHEEL_INSTALL_ROOT puts all files under another root, for an image or a test.
set -eu

# The control plane replaces this address when it serves the script.
control_plane='@CONTROL_PLANE@'
service=sparewheel-agent
oldest_node=20.11
join_seconds=${SPAREWHEEL_JOIN_SECONDS:-30}

usage() {
  cat <<USAGE
Usage: curl -fsSL $control_plane/join/install.sh | sh -s -- TOKEN [options]

Makes this machine a device of Sparewheel, and starts it after each reboot. A second run updates it.

  TOKEN            join token; an update may leave it out
  --name NAME      device name (default: the name of this machine)
  --count N        number of devices (default: 1)
  --background     without systemd: start the agent now, in the background
  --uninstall      stop the agent and remove all of its files
  --help           show this help
USAGE
}

say() { printf 'sparewheel: %s\n' "$*"; }

fail() {
  printf 'sparewheel: %s\n' "$*" >&2
  exit 1
}

# Options: token, name, count, background, uninstall.
read_options() {
  token=${SPAREWHEEL_JOIN_TOKEN:-} name='' count='' background=no uninstall=no
  while [ $# -gt 0 ]; do
    case $1 in
      --name | --count)
        [ $# -ge 2 ] || fail "$1 needs a value; use --help for the options"
        if [ "$1" = --name ]; then name=$2; else count=$2; fi
        shift
        ;;
      --background) background=yes ;;
      --uninstall) uninstall=yes ;;
      --help)
        usage
        exit 0
        ;;
      -*) fail "the option $1 is unknown; use --help for the options" ;;
      *) token=$1 ;;
    esac
    shift
  done
  case $token in *[!A-Za-z0-9._~+/=-]*) fail 'the token has characters that no token has; copy the command again' ;; esac
  case $name in *[!A-Za-z0-9._-]* | [._-]*) fail "--name '$name' is invalid; use letters, digits, dots, dashes and underscores" ;; esac
  case $count in *[!0-9]* | 0*) fail "--count '$count' is invalid; use a whole number from 1" ;; esac
}

# Sets where the files are: base, unit, state.
choose_places() {
  root=${SPAREWHEEL_INSTALL_ROOT:-}
  if [ "$(id -u)" -eq 0 ]; then
    scope=system
    base=/opt/$service unit=/etc/systemd/system/$service.service state=/var/lib/$service
    logs="journalctl -u $service -f"
  else
    scope=user
    : "${HOME:?sparewheel: HOME is not set}"
    base=${XDG_DATA_HOME:-$HOME/.local/share}/$service
    unit=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user/$service.service
    state=$base/state
    logs="journalctl --user -u $service -f"
  fi
  case $base$unit in *[!A-Za-z0-9/._+@-]*) fail "the folder $base has characters that a systemd unit cannot have" ;; esac
}

control() { if [ $scope = user ]; then systemctl --user "$@"; else systemctl "$@"; fi; }

has_systemd() {
  command -v systemctl >/dev/null && [ -d "$root/run/systemd/system" ] || return 1
  [ $scope = system ] || control show-environment >/dev/null 2>&1
}

# Downloads a path of the control plane to a file. Prints the reason if that fails.
download() {
  if command -v curl >/dev/null; then
    status=$(curl -sS -o "$2" -w '%{http_code}' -H "Authorization: Bearer $token" "$control_plane$1") ||
      fail "the download of $control_plane$1 failed; is the disk full, or the network down?"
    [ "$status" = 200 ] || fail "${missing:+$missing. }$(head -c 500 "$2")"
  elif command -v wget >/dev/null; then
    wget -q -O "$2" --header "Authorization: Bearer $token" "$control_plane$1" ||
      fail "$control_plane$1 cannot be downloaded; check the token and the free space, or install curl for the reason"
  else
    fail 'neither curl nor wget is installed; install one of them'
  fi
}

sha256_of() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

# Finds a Node that the agent can use. Sets node (empty without one) and missing (why).
find_node() {
  missing=''
  node=$(command -v node || true)
  if [ -z "$node" ]; then
    missing='this machine has no Node'
    return
  fi
  if ! "$node" -e "const [a, b] = process.versions.node.split('.').map(Number), [c, d] = '$oldest_node'.split('.').map(Number);
      process.exit(a > c || (a === c && b >= d) ? 0 : 1)" 2>/dev/null; then
    missing="Node $("$node" -p process.versions.node 2>/dev/null || echo here) is too old; the agent needs $oldest_node or newer"
    node=
  elif [ $scope = system ]; then
    case $node in
      /home/* | /root/*)
        missing="$node is in a home directory, which the service cannot read"
        node=
        ;;
    esac
  fi
}

# Sets platform. A 64-bit kernel may run a 32-bit system, so Node decides if it is there.
detect_platform() {
  system=$(uname -s)
  if [ -n "$node" ]; then processor=$("$node" -p process.arch); else processor=$(uname -m); fi
  case $processor in
    arm64 | aarch64)
      processor=arm64
      [ "$(getconf LONG_BIT 2>/dev/null || echo 64)" = 64 ] || [ -n "$node" ] || processor=armv7
      ;;
    x64 | x86_64 | amd64) processor=x64 ;;
    arm | armv7l | armv8l)
      case $(uname -m) in armv6* | armv5*) fail "this processor ($(uname -m)) is too old; the agent needs ARMv7 or newer" ;; esac
      processor=armv7
      ;;
  esac
  case $system-$processor in
    Linux-arm64 | Linux-x64) platform=linux-$processor ;;
    Linux-armv7) platform=linux-armv7 ;;
    Darwin-arm64) platform=darwin-arm64 ;;
    *) fail "there is no agent for this machine ($system, $processor); it needs Linux on arm64, armv7 or x64, or macOS on arm64" ;;
  esac
}

# Asks the control plane which archive to use. Sets version, file, sha256, bytes, unpacked and url.
ask_control_plane() {
  variant=''
  [ -n "$node" ] || variant='&node=included'
  download "/join/agent?platform=$platform$variant" "$work/info"
  version=$(field version) file=$(field file) sha256=$(field sha256)
  bytes=$(field bytes) unpacked=$(field unpacked) url=$(field url)
  case $version$file in '' | *[!A-Za-z0-9._-]*) fail "$control_plane is no Sparewheel control plane, or one of another release" ;; esac
  case $bytes$unpacked in '' | *[!0-9]*) fail "$control_plane is no Sparewheel control plane, or one of another release" ;; esac
  case $url in *[!][A-Za-z0-9:/._-]*) fail "the address of the data plane is invalid: $url" ;; esac
}

field() { sed -n "s/^$1 //p" "$work/info"; }

require_space() {
  free=$(df -Pk "$root$base" | awk 'NR == 2 { print $4 }')
  needed=$(((bytes + unpacked) / 1024 + 1024))
  [ "${free:-$needed}" -ge "$needed" ] ||
    fail "the disk has $((free / 1024)) MB free in $base; the agent needs $((needed / 1024)) MB"
}

# Puts the archive's files in $target. Sets node if the archive includes it.
fetch_agent() {
  target=$base/$version-$(printf %s "$sha256" | cut -c 1-12)
  if [ ! -d "$root$target" ]; then
    download "/join/agent/$file" "$work/archive"
    [ "$(sha256_of "$work/archive")" = "$sha256" ] ||
      fail "the checksum of $file is wrong, so it was not installed; run the command again"
    tar -xzf "$work/archive" -C "$work" 2>"$work/reason" ||
      fail "$file cannot be unpacked: $(head -n 1 "$work/reason")"
    rm "$work/archive"
    unpacked_folder=$work/${file%.tar.gz}
    check_program "$unpacked_folder"
    mv "$unpacked_folder" "$root$target"
    fetched=$root$target
  fi
  [ -n "$node" ] || node=$target/bin/node
}

# Checks that Node and ONNX Runtime run here, before anything is replaced.
check_program() {
  program=${node:-$1/bin/node}
  "$program" "$1/agent.js" --help >/dev/null 2>"$work/reason" ||
    fail "the agent does not run on this machine: $(head -n 1 "$work/reason")"
  [ ! -d "$1/node_modules/onnxruntime-node" ] || (cd "$1" && "$program" -e 'require("onnxruntime-node")') 2>"$work/reason" ||
    fail "ONNX Runtime does not load on this machine; it needs glibc 2.28 or newer: $(grep -m 1 -i error "$work/reason" || true)"
}

# Writes a file of standard input in one step, so that no reader sees a part of it.
replace() {
  mkdir -p "$(dirname "$root$1")"
  cat >"$root$1.new"
  chmod "$2" "$root$1.new"
  mv -f "$root$1.new" "$root$1"
}

write_files() {
  replace "$base/agent.env" 600 <<ENV
SPAREWHEEL_JOIN_TOKEN='$token'
SPAREWHEEL_DEVICE_NAME='$name'
SPAREWHEEL_DEVICE_COUNT='$count'
ENV
  replace "$base/run" 755 <<RUN
#!/bin/sh
# Starts the Sparewheel agent. The installer wrote this file. An update replaces it.
if [ -r $base/agent.env ]; then
  set -a
  . $base/agent.env
  set +a
fi
exec $node --max-semi-space-size=1 --v8-pool-size=1 $target/agent.js --url '$url' --name '$name' --count $count --home $state
RUN
  if has_systemd; then write_unit | replace "$unit" 644; fi
}

write_unit() {
  cat <<UNIT
# Written by the installer of Sparewheel. An update replaces it.
[Unit]
Description=Sparewheel agent
StartLimitIntervalSec=0
UNIT
  if [ $scope = system ]; then
    cat <<UNIT
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=$base/run
EnvironmentFile=$base/agent.env
# A user of its own, which exists only while the service runs.
DynamicUser=yes
StateDirectory=$service
ProtectHome=yes
PrivateDevices=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
CapabilityBoundingSet=
RestrictNamespaces=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
ProtectSystem=strict
UNIT
  else
    cat <<UNIT

[Service]
ExecStart=$base/run
UNIT
  fi
  cat <<UNIT
Restart=always
RestartSec=5
MemoryMax=80%
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
UMask=0077

[Install]
WantedBy=$(if [ $scope = system ]; then echo multi-user.target; else echo default.target; fi)
UNIT
}

# Keeps what an update replaces, for roll_back.
keep_old() {
  updating=no
  [ -f "$root$base/run" ] || return 0
  updating=yes
  cp -p "$root$base/run" "$work/run"
  cp -p "$root$base/agent.env" "$work/agent.env"
  if [ -f "$root$unit" ]; then cp -p "$root$unit" "$work/unit"; fi
  token=${token:-$(old_setting JOIN_TOKEN)}
  name=${name:-$(old_setting DEVICE_NAME)}
  count=${count:-$(old_setting DEVICE_COUNT)}
}

old_setting() { sed -n "s/^SPAREWHEEL_$1='\(.*\)'\$/\1/p" "$work/agent.env"; }

start_service() {
  control daemon-reload
  control enable --quiet $service
  control restart $service
  if [ $scope = user ] && [ "$(loginctl show-user --property=Linger "$(id -un)" 2>/dev/null)" = Linger=no ]; then
    if loginctl enable-linger 2>/dev/null; then
      : >"$root$base/linger"
    else
      say "it starts when you log in; to start it at boot, run: sudo loginctl enable-linger $(id -un)"
    fi
  fi
  if wait_for_join; then
    say "$device has joined. It starts again after a reboot."
  elif control is-active --quiet $service; then
    say "the service runs, but $device has not joined yet; the log says why"
  else
    roll_back
    fail "the service does not start; see: $logs"
  fi
}

# Waits until the control plane knows the first device.
wait_for_join() {
  device=$name
  [ "$count" = 1 ] || device=$name-1
  seconds=0
  while [ "$seconds" -lt "$join_seconds" ]; do
    id=$(sed -n 's/.*"id":"\([0-9a-f-]*\)".*/\1/p' "$root$state/devices/$device/identity.json" 2>/dev/null || true)
    if [ -n "$id" ]; then
      (download "/join/agent/device?id=$id" "$work/device") 2>/dev/null && [ "$(cat "$work/device")" = joined ] && return 0
    fi
    if [ -f "$root$base/agent.pid" ]; then kill -0 "$(cat "$root$base/agent.pid")" 2>/dev/null || return 1; fi
    sleep 1
    seconds=$((seconds + 1))
  done
  return 1
}

# Puts back what was there before.
roll_back() {
  if [ $updating = no ]; then
    remove_all
    return
  fi
  mv -f "$work/run" "$root$base/run"
  mv -f "$work/agent.env" "$root$base/agent.env"
  if [ -f "$work/unit" ]; then mv -f "$work/unit" "$root$unit"; fi
  [ -z "${fetched:-}" ] || rm -rf "$fetched"
  control daemon-reload
  control restart $service || true
  say 'the earlier version is back'
}

start_without_systemd() {
  say "this system does not run systemd for this user, so nothing starts the agent after a reboot"
  if [ $background = yes ] || [ -f "$root$base/agent.pid" ]; then
    stop_background
    nohup "$base/run" >>"$base/agent.log" 2>&1 </dev/null &
    echo $! >"$base/agent.pid"
    logs="tail -f $base/agent.log"
    if wait_for_join; then
      say "$device has joined. It runs in the background until the next reboot."
    elif kill -0 "$(cat "$base/agent.pid")" 2>/dev/null; then
      say "the agent runs, but $device has not joined yet; the log says why"
    else
      rm -f "$base/agent.pid"
      fail "the agent ended: $(tail -n 1 "$base/agent.log")"
    fi
  else
    logs=''
    say "to start it, run: $base/run"
  fi
}

stop_background() {
  [ -f "$root$base/agent.pid" ] || return 0
  process=$(cat "$root$base/agent.pid")
  # Another program may have the number of an agent that has ended.
  case $(ps -p "$process" -o args= 2>/dev/null || tr '\0' ' ' <"/proc/$process/cmdline" 2>/dev/null) in
    *"$base"*)
      kill "$process" 2>/dev/null || true
      while kill -0 "$process" 2>/dev/null; do sleep 1; done
      ;;
  esac
  rm -f "$root$base/agent.pid"
}

remove_all() {
  if [ -f "$root$unit" ]; then
    if has_systemd; then control disable --now --quiet $service 2>/dev/null || true; fi
    rm -f "$root$unit"
    if has_systemd; then
      control daemon-reload
      control reset-failed $service 2>/dev/null || true
    fi
  fi
  stop_background
  if [ -f "$root$base/linger" ]; then loginctl disable-linger 2>/dev/null || true; fi
  # systemd keeps the state of a service with its own user in `private`.
  if [ $scope = system ]; then rm -rf "$root/var/lib/private/$service"; fi
  rm -rf "$root$state" "$root$base"
}

# Removes the files of an unfinished installation.
clean_up() {
  [ -z "${work:-}" ] || rm -rf "$work"
  [ "${done:-no}" = yes ] || [ -z "${fetched:-}" ] || rm -rf "$fetched"
  [ "${new_base:-no}" = no ] || [ "${done:-no}" = yes ] || rm -rf "$root$base"
}

main() {
  # The service has another user, which must be able to read the program.
  umask 022
  read_options "$@"
  choose_places
  if [ $uninstall = yes ]; then
    [ -e "$root$base" ] || [ -e "$root$unit" ] || fail "the agent is not installed for this user"
    remove_all
    say 'the agent and all of its files are removed'
    return
  fi
  case $control_plane in http*) ;; *) fail 'the control plane serves this script; use: curl -fsSL http://HOST:3000/join/install.sh' ;; esac
  trap clean_up EXIT
  trap 'exit 130' INT TERM HUP
  find_node
  detect_platform
  if [ ! -d "$root$base" ]; then
    mkdir -p "$root$base" 2>/dev/null || fail "$root$base cannot be created; run this as root, or as a user with a home directory"
    new_base=yes
  fi
  work=$root$base/incoming
  rm -rf "$work"
  mkdir "$work" 2>/dev/null || fail "$root$base is not writable"
  keep_old
  [ -n "$token" ] || fail 'the join token is missing; copy the whole command from the dashboard'
  name=${name:-$(uname -n | sed 's/[^A-Za-z0-9._-]/-/g; s/^[._-]*//')}
  name=${name:-device} count=${count:-1}
  ask_control_plane
  require_space
  fetch_agent
  write_files
  done=yes
  say "Sparewheel agent $version is in $base"
  if has_systemd; then start_service; else start_without_systemd; fi
  for old in "$root$base"/*-*/; do
    case $old in "$root$target/") ;; *) rm -rf "$old" ;; esac
  done
  [ -z "$logs" ] || say "logs: $logs"
}

main "$@"
