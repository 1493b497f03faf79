console.log('started', __dirname.endsWith('pkg'));
