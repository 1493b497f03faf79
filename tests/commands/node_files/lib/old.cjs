exports.name = 'old'; exports.parent = module.parent && 'has'; exports.main = require.main === module;
