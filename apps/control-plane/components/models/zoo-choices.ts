/** A network that ships, as the picker shows it. */
export interface ZooNetwork {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly trained: boolean;
  readonly parameters: number | null;
}

/** What `GET /api/zoo` lists. An older or newer control plane may say less of a network than its name. */
export function readZoo(answer: unknown): readonly ZooNetwork[] {
  if (!Array.isArray(answer)) return [];
  return answer.flatMap((entry: Partial<Record<keyof ZooNetwork, unknown>> | null): ZooNetwork[] => {
    if (typeof entry?.name !== 'string') return [];
    const { name, title, description, trained, parameters } = entry;
    return [
      {
        name,
        title: typeof title === 'string' ? title : name,
        description: typeof description === 'string' ? description : '',
        trained: trained === true,
        parameters: typeof parameters === 'number' ? parameters : null,
      },
    ];
  });
}
