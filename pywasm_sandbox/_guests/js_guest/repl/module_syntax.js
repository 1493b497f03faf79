// Static imports and exports in a cell, which is a script: an import becomes a dynamic one whose names are
// declared like any other of the cell's, an export is what it exports. Lines stay where they are.

import { atImport } from '../node/import_places.js';
import { parse } from '../packages.js';

const OPTIONS = {
  ecmaVersion: 'latest',
  sourceType: 'module',
  allowAwaitOutsideFunction: true,
  allowReturnOutsideFunction: false,
  allowHashBang: true,
};

const nameOf = (node) => (node.type === 'Literal' ? JSON.stringify(node.value) : node.name);

function attributesOf(node) {
  if (!node.attributes?.length) return '';
  const entries = node.attributes.map(({ key, value }) => `${nameOf(key)}: ${value.raw}`);
  return `, { with: { ${entries.join(', ')} } }`;
}

const dynamic = (node) => `await import(${node.source.raw}${attributesOf(node)})`;

function rewriteImport(node) {
  if (node.specifiers.length === 0) return `void ${dynamic(node)};`;
  const parts = [];
  const names = [];
  for (const each of node.specifiers) {
    if (each.type === 'ImportNamespaceSpecifier') {
      parts.push(`${each.local.name} = ${dynamic(node)}`);
      continue;
    }
    const imported = each.type === 'ImportDefaultSpecifier' ? 'default' : nameOf(each.imported);
    names.push(imported === each.local.name ? imported : `${imported}: ${each.local.name}`);
  }
  if (names.length > 0) {
    const wanted = node.specifiers
      .filter((each) => each.type !== 'ImportNamespaceSpecifier')
      .map((each) => (each.type === 'ImportDefaultSpecifier' ? 'default' : (each.imported.name ?? each.imported.value)));
    const checked = `globalThis[Symbol.for('cell.imports')](${dynamic(node)}, ${node.source.raw}, ${JSON.stringify(wanted)})`;
    parts.push(`{ ${names.join(', ')} } = ${checked}`);
  }
  return `const ${parts.join(', ')};`;
}

function rewriteNode(node, source) {
  switch (node.type) {
    case 'ImportDeclaration':
      return rewriteImport(node);
    case 'ExportAllDeclaration':
      return `void ${dynamic(node)};`;
    case 'ExportNamedDeclaration':
      if (node.declaration) return source.slice(node.declaration.start, node.end);
      return node.source ? `void ${dynamic(node)};` : ';';
    case 'ExportDefaultDeclaration': {
      const { declaration } = node;
      const text = source.slice(declaration.start, declaration.end);
      const isDeclaration = /^(?:Function|Class)Declaration$/.test(declaration.type) && declaration.id;
      return isDeclaration ? text : `;(${text});`;
    }
    default:
      return null;
  }
}

const newlines = (text) => text.split('\n').length - 1;

export function rewriteModuleSyntax(source) {
  let program;
  try {
    program = parse(source, OPTIONS);
  } catch {
    return source; // the engine says what is wrong with it
  }
  let result = '';
  let end = 0;
  for (const node of program.body) {
    const text = rewriteNode(node, source);
    if (text === null) continue;
    const missing = newlines(source.slice(node.start, node.end)) - newlines(text);
    result += source.slice(end, node.start) + text + '\n'.repeat(Math.max(missing, 0));
    end = node.end;
  }
  return result + source.slice(end);
}

let missingAllowed = false;

// In TypeScript an import may be of a type, of which nothing is left.
export function allowMissingImports(isAllowed) {
  missingAllowed = isAllowed;
}

Object.defineProperty(globalThis, Symbol.for('cell.imports'), {
  value(namespace, specifier, names) {
    for (const name of names) {
      if (!missingAllowed && !(name in namespace)) {
        const error = new SyntaxError(`The requested module '${specifier}' does not provide an export named '${name}'`);
        const cell = /<cell [^>]*>/.exec(error.stack)?.[0];
        throw cell === undefined ? error : atImport(error, cell, specifier, name);
      }
    }
    return namespace;
  },
});
