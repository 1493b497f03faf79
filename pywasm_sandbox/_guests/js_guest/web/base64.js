// atob and btoa: of the engine, or of core-js where the engine has none.

import 'core-js/stable/atob';
import 'core-js/stable/btoa';
