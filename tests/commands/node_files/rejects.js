async function load() { await null; throw new SyntaxError('late'); }
load();
