/** Writes the table of real kinds of models in docs/MODELS.md. Run it with tsx after a change of the planner. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { measureRealModel } from './measure-real-model.ts';
import { REAL_MODELS } from './real-models.ts';

const PAGE = fileURLToPath(new URL('../../../../docs/MODELS.md', import.meta.url));
const [BEGIN, END] = ['<!-- real-models-table -->\n', '<!-- end of real-models-table -->\n'];

const names = readdirSync(REAL_MODELS)
  .filter((file) => file.endsWith('.onnx'))
  .map((file) => file.slice(0, -'.onnx'.length));
const shown = (error: number) => (error === 0 ? '0' : error.toExponential(1).replace('e-', 'e-0'));
const rows: string[] = [];
for (const name of names) {
  const [three, four, auto, paper, replicated] = await measureRealModel(name);
  const others = Math.max(...[auto, paper, replicated].map((each) => Math.max(each!.healthy, each!.dead)));
  const errors = [three!.healthy, three!.dead, four!.healthy, four!.dead, others].map(shown);
  rows.push(`| ${name} | ${three!.divided} | ${errors.join(' | ')} |\n`);
}
const table = [
  '| graph | divided layers | 3 + 1, healthy | 3 + 1, each device dead | 4 + 2, healthy | 4 + 2, each device dead | auto, paper, replicated |\n',
  '|---|---|---|---|---|---|---|\n',
  ...rows,
].join('');
const page = readFileSync(PAGE, 'utf8');
const [before, rest] = page.split(BEGIN);
const after = rest?.split(END)[1];
if (before === undefined || after === undefined) throw new Error(`${PAGE} has no place for the table`);
writeFileSync(PAGE, `${before}${BEGIN}${table}${END}${after}`);
