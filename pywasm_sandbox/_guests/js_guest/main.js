// The entry of the prelude: one script, run once when the image is made.

import './web/index.js';
