// What is taken from undici. Bundled on its own, with the stand-ins of `undici_needs/` for Node's modules: undici's
// web half uses next to nothing of them.

import { FormData } from 'undici/lib/web/fetch/formdata.js';
import { Headers } from 'undici/lib/web/fetch/headers.js';
// Before Request, whose converters are made of this one's.
import { Response } from 'undici/lib/web/fetch/response.js';
import { Request } from 'undici/lib/web/fetch/request.js';

export { FormData, Headers, Request, Response };
