class ConfigError extends Error { constructor(m) { super(m); this.name = 'ConfigError'; this.key = 'port'; } }
throw new ConfigError('no port');
