// Modules of Node whose purpose is not there. Packages load them for a constant or a question, so they can be
// loaded, and answer what can be answered; all else says why it is not there when it is used.

import native from 'pywasm:native';
import { events, stream } from '../packages.js';
import { absent } from './absent.js';

const NO_SOCKETS = 'there are no sockets; use fetch, or node:http';

// ---- net, tls, dgram, dns

const DIGITS = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = new RegExp(`^${DIGITS}(?:\\.${DIGITS}){3}$`);

const isIPv4 = (text) => IPV4.test(`${text}`);

function isIPv6(text) {
  const [address] = `${text}`.split('%');
  return address.includes(':') && URL.canParse(`http://[${address}]/`);
}

const netAbsent = absent('net', NO_SOCKETS);

const net = {
  ...netAbsent.functions('connect', 'createConnection', 'createServer'),
  ...netAbsent.classes(stream.Duplex, 'Socket', 'Stream'),
  ...netAbsent.classes(events, 'Server', 'BlockList', 'SocketAddress'),
  getDefaultAutoSelectFamily: () => true,
  setDefaultAutoSelectFamily() {},
  getDefaultAutoSelectFamilyAttemptTimeout: () => 250,
  setDefaultAutoSelectFamilyAttemptTimeout() {},
  isIP: (text) => (isIPv4(text) ? 4 : isIPv6(text) ? 6 : 0),
  isIPv4,
  isIPv6,
};

const tlsAbsent = absent('tls', NO_SOCKETS);

const tls = {
  ...tlsAbsent.functions('connect', 'createServer', 'createSecureContext', 'checkServerIdentity'),
  ...tlsAbsent.classes(net.Socket, 'TLSSocket'),
  ...tlsAbsent.classes(events, 'Server', 'SecureContext'),
  DEFAULT_CIPHERS: '',
  DEFAULT_ECDH_CURVE: 'auto',
  DEFAULT_MAX_VERSION: 'TLSv1.3',
  DEFAULT_MIN_VERSION: 'TLSv1.2',
  getCiphers: () => [],
  rootCertificates: Object.freeze([]),
};

const dgram = { ...absent('dgram', 'there are no sockets').functions('createSocket'), ...absent('dgram', 'there are no sockets').classes(events, 'Socket') };

const LOOKUPS = ['lookup', 'lookupService', 'resolve', 'resolve4', 'resolve6', 'resolveAny', 'resolveCaa', 'resolveCname', 'resolveMx'];
LOOKUPS.push('resolveNaptr', 'resolveNs', 'resolvePtr', 'resolveSoa', 'resolveSrv', 'resolveTxt', 'reverse');
const dnsAbsent = absent('dns', 'names are resolved by the host, when a request is made');

const dnsShared = {
  ...dnsAbsent.functions(...LOOKUPS),
  ...dnsAbsent.classes(events, 'Resolver'),
  ADDRCONFIG: 1024,
  ALL: 256,
  NODATA: 'ENODATA',
  NOTFOUND: 'ENOTFOUND',
  SERVFAIL: 'ESERVFAIL',
  TIMEOUT: 'ETIMEOUT',
  V4MAPPED: 2048,
  getDefaultResultOrder: () => 'verbatim',
  getServers: () => [],
  setDefaultResultOrder() {},
  setServers() {},
};
const dnsPromises = { ...dnsShared };
const dns = { ...dnsShared, promises: dnsPromises };

const http2Absent = absent('http2', NO_SOCKETS);
const http2 = {
  ...http2Absent.functions('connect', 'createServer', 'createSecureServer'),
  ...http2Absent.classes(stream.Readable, 'Http2ServerRequest'),
  ...http2Absent.classes(stream.Writable, 'Http2ServerResponse'),
  constants: {
    HTTP2_HEADER_AUTHORITY: ':authority',
    HTTP2_HEADER_METHOD: ':method',
    HTTP2_HEADER_PATH: ':path',
    HTTP2_HEADER_SCHEME: ':scheme',
    HTTP2_HEADER_STATUS: ':status',
    NGHTTP2_CANCEL: 8,
    NGHTTP2_NO_ERROR: 0,
  },
  getDefaultSettings: () => ({}),
  sensitiveHeaders: Symbol('nodejs.http2.sensitiveHeaders'),
};

// ---- threads and processes

const { MessageChannel, MessagePort, BroadcastChannel } = globalThis;
const environmentData = new Map();

const workerThreads = {
  ...absent('worker_threads', 'there are no threads').classes(events, 'Worker'),
  BroadcastChannel,
  MessageChannel,
  MessagePort,
  SHARE_ENV: Symbol.for('nodejs.worker_threads.SHARE_ENV'),
  getEnvironmentData: (key) => environmentData.get(key),
  isMainThread: true,
  markAsUntransferable() {},
  parentPort: null,
  ...absent('worker_threads', 'there are no threads').functions('moveMessagePortToContext', 'receiveMessageOnPort'),
  resourceLimits: {},
  setEnvironmentData: (key, value) => void (value === undefined ? environmentData.delete(key) : environmentData.set(key, value)),
  threadId: 0,
  workerData: null,
};

const cluster = Object.assign(new events(), {
  ...absent('cluster', 'processes have no channel between them; use child_process').functions('fork', 'disconnect', 'setupPrimary', 'setupMaster'),
  isMaster: true,
  isPrimary: true,
  isWorker: false,
  settings: {},
  workers: {},
});

// ---- the terminal, the engine, its tools

const tty = {
  ...absent('tty', 'there is no terminal').classes(stream.Readable, 'ReadStream'),
  ...absent('tty', 'there is no terminal').classes(stream.Writable, 'WriteStream'),
  isatty: () => false,
};

const v8Absent = absent('v8', 'the engine is QuickJS');
const v8 = {
  ...v8Absent.functions('serialize', 'deserialize', 'getHeapSnapshot', 'writeHeapSnapshot', 'queryObjects', 'takeCoverage', 'stopCoverage'),
  ...v8Absent.classes(Object, 'Serializer', 'Deserializer', 'DefaultSerializer', 'DefaultDeserializer', 'GCProfiler'),
  cachedDataVersionTag: () => 0,
  getHeapSpaceStatistics: () => [],
  getHeapStatistics() {
    const used = native.heapSize();
    return { total_heap_size: used, used_heap_size: used, heap_size_limit: used, total_physical_size: used, malloced_memory: used };
  },
  setFlagsFromString() {},
  startupSnapshot: { isBuildingSnapshot: () => false, addSerializeCallback() {}, addDeserializeCallback() {}, setDeserializeMainFunction() {} },
};

const inspector = {
  ...absent('inspector', 'there is no debugger').functions('open', 'waitForDebugger'),
  ...absent('inspector', 'there is no debugger').classes(events, 'Session'),
  close() {},
  url() {},
};

const traceEvents = { createTracing: () => ({ enable() {}, disable() {}, enabled: false, categories: '' }), getEnabledCategories() {} };
const repl = { ...absent('repl', 'cells are the REPL').functions('start'), ...absent('repl', 'cells are the REPL').classes(events, 'REPLServer') };
const wasi = absent('wasi', 'it runs in WebAssembly itself').classes(Object, 'WASI');

// Nothing outside of the sandbox is reached by loading one.
export const placeholders = {
  cluster,
  dgram,
  dns,
  'dns/promises': dnsPromises,
  http2,
  inspector,
  net,
  repl,
  tls,
  trace_events: traceEvents,
  tty,
  v8,
  wasi,
  worker_threads: workerThreads,
};
