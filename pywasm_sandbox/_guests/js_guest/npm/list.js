// `npm ls`.

import { builtins } from '../node/builtins.js';
import { findPackage, KINDS, readJson, topNames } from './project.js';

const { fs, path } = builtins;

// A node is { name, version, problem, isShown, children }.
function describe(name, range, isOptional, from, root, depth, seen) {
  const found = findPackage(name, from, root);
  if (found === null) return isOptional ? null : { name, problem: `missing: ${name}@${range}`, children: [] };
  const [folder, content] = found;
  const node = { name, version: content.version, children: [] };
  if (depth <= 0) return node;
  if (seen.has(folder)) return { ...node, isAgain: true };
  seen.add(folder);
  const optional = content.optionalDependencies ?? {};
  for (const [each, wanted] of Object.entries({ ...content.dependencies, ...optional })) {
    const child = describe(each, wanted, each in optional, folder, root, depth - 1, seen);
    if (child !== null) node.children.push(child);
  }
  return node;
}

function extraneous(folder, known) {
  const names = [];
  const modules = path.join(folder, 'node_modules');
  const lock = readJson(path.join(folder, 'package-lock.json'))?.packages ?? {};
  for (const entry of fs.existsSync(modules) ? fs.readdirSync(modules) : []) {
    if (entry.startsWith('.')) continue;
    const inner = entry.startsWith('@') ? fs.readdirSync(path.join(modules, entry)).map((each) => `${entry}/${each}`) : [entry];
    names.push(...inner.filter((name) => !known.has(name) && !(`node_modules/${name}` in lock)));
  }
  return names;
}

const print = (node, indent, lines) => {
  node.children.forEach((child, index) => {
    const isLast = index === node.children.length - 1;
    const label = child.version === undefined ? `UNMET DEPENDENCY ${child.problem.slice(9)}` : `${child.name}@${child.version}`;
    const notes = `${child.isAgain ? ' deduped' : ''}${child.problem && child.version ? ` ${child.problem}` : ''}`;
    lines.push(`${indent}${isLast ? '└' : '├'}─${child.children.length > 0 ? '┬' : '─'} ${label}${notes}`);
    print(child, `${indent}${isLast ? ' ' : '│'} `, lines);
  });
};

const asJson = (children) =>
  Object.fromEntries(
    children.map(({ name, version, problem, children: inner }) => [
      name,
      { ...(version && { version }), ...(problem && { problems: [problem] }), ...(inner.length > 0 && { dependencies: asJson(inner) }) },
    ]),
  );

export function list(folder, words, options) {
  const content = readJson(path.join(folder, 'package.json')) ?? {};
  const depth = options.has('depth') ? Number(options.get('depth')) : options.get('all') ? Infinity : words.length > 0 ? Infinity : 0;
  const top = topNames(content);
  const root = { name: content.name ?? path.basename(folder), version: content.version, children: [] };
  const seen = new Set();
  for (const [name, { range, kind }] of top) {
    const child = describe(name, range, kind === KINDS[2], folder, folder, depth, seen);
    if (child !== null) root.children.push(child);
  }
  for (const name of extraneous(folder, top)) {
    const [, found] = findPackage(name, folder, folder) ?? [];
    if (found) root.children.push({ name, version: found.version, problem: 'extraneous', children: [] });
  }
  root.children.sort((one, other) => (one.name < other.name ? -1 : 1));
  if (words.length > 0) root.children = only(root.children, new Set(words));
  const isMissing = (node) => node.problem?.startsWith('missing') || node.children.some(isMissing);
  if (options.get('json')) {
    console.log(JSON.stringify({ ...(root.version && { version: root.version }), name: root.name, dependencies: asJson(root.children) }, null, 2));
  } else {
    const lines = [`${root.name}${root.version ? `@${root.version}` : ''} ${folder}`];
    print(root, '', lines);
    if (root.children.length === 0) lines.push('└── (empty)');
    console.log(`${lines.join('\n')}\n`);
  }
  return isMissing(root) || (words.length > 0 && root.children.length === 0) ? 1 : 0;
}

function only(nodes, names) {
  return nodes
    .map((node) => ({ ...node, children: only(node.children, names) }))
    .filter((node) => names.has(node.name) || node.children.length > 0);
}
