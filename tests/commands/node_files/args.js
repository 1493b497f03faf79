console.log(process.argv.slice(2), require('path').basename(__filename), require.main === module, module.id);
