process.on('uncaughtException', (error, origin) => console.log('caught', error.message, origin));
process.on('unhandledRejection', (reason) => console.log('rejected', reason));
setTimeout(() => { throw new Error('first'); }, 1);
setTimeout(() => Promise.reject(5), 5);
setTimeout(() => console.log('goes on'), 20);
