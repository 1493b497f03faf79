// TypeScript's own compiler, for what swc's WebAssembly build can't do: decorators and JSX. The one script of a
// QuickJS instance that does nothing else; the host calls `compileTypeScript`.

import ts from 'typescript';

const shared = {
  allowJs: true,
  alwaysStrict: false,
  isolatedModules: true,
  jsx: ts.JsxEmit.React,
  module: ts.ModuleKind.ESNext,
  noEmitHelpers: false,
  sourceMap: true,
  target: ts.ScriptTarget.ES2022,
};

function refusal(diagnostic, source) {
  const file = ts.createSourceFile('', source, ts.ScriptTarget.Latest);
  const { line, character } = ts.getLineAndCharacterOfPosition(file, Math.min(diagnostic.start ?? 0, source.length));
  const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n');
  return { message, line: line + 1, column: character + 1 };
}

// `request`: JSON of { source, filename, elideImports }; its extension says whether there may be JSX. Answers with
// JSON of { code, map } or, for a syntax error, { message, line, column }.
globalThis.compileTypeScript = (request) => {
  const { source, filename, elideImports } = JSON.parse(request);
  const { outputText, sourceMapText, diagnostics } = ts.transpileModule(source, {
    fileName: filename,
    reportDiagnostics: true,
    compilerOptions: { ...shared, verbatimModuleSyntax: !elideImports },
  });
  const wrong = diagnostics?.find((diagnostic) => diagnostic.category === ts.DiagnosticCategory.Error && diagnostic.file);
  if (wrong) return JSON.stringify(refusal(wrong, source));
  const code = outputText.replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n').replace(/^"use strict";\n/, '');
  return JSON.stringify({ code, map: sourceMapText });
};
