// The web platform's globals, in the order in which they need each other.

import './base64.js';
import './events.js';
import './structured-clone.js';
import './messages.js';
import './encoding.js';
import './streams.js';
import './blob.js';
import './url.js';
import './performance.js';
import './fetch.js';
import './compression.js';
import './intl/index.js';
