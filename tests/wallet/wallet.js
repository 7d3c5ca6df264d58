// Wallets of the Wallet Standard for tests. Which ones a page meets stands in its address, `?wallet=good,message`, else in
// its localStorage under `test-wallet`; without either there is the good one. Keys are real and known to everyone.
(() => {
  const SEED = 9;
  const OTHER_SEED = 8;
  const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
  // A hang that a test waits for is a sixtieth as long.
  const HASTE = 60;
  const icon = (colour) =>
    `data:image/svg+xml;base64,${btoa(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="14" fill="${colour}"/></svg>`)}`;

  const chosen = () => new URLSearchParams(location.search).get('wallet') ?? localStorage.getItem('test-wallet') ?? 'good';

  const base58 = (bytes) => {
    let number = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
    let text = '';
    for (; number > 0n; number /= 58n) text = ALPHABET[Number(number % 58n)] + text;
    return '1'.repeat(bytes.findIndex((byte) => byte !== 0)) + text;
  };
  // PKCS #8 of an Ed25519 seed (RFC 8410); its JWK holds the public key.
  const keyOf = async (seed) => {
    const head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    const bytes = new Uint8Array([...head, ...new Array(32).fill(seed)]);
    const secret = await crypto.subtle.importKey('pkcs8', bytes, 'Ed25519', true, ['sign']);
    const { x } = await crypto.subtle.exportKey('jwk', secret);
    const publicKey = Uint8Array.from(atob(x.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
    return { secret, publicKey };
  };
  const accountOf = async (seed) => {
    const { publicKey } = await keyOf(seed);
    return { address: base58(publicKey), publicKey, chains: ['solana:mainnet', 'solana:devnet'], features: ['solana:signIn', 'solana:signMessage'] };
  };
  const seedOf = async (address) => ((await accountOf(SEED)).address === address ? SEED : OTHER_SEED);
  const signed = async (seed, message) => {
    const { secret } = await keyOf(seed);
    return { signedMessage: message, signature: new Uint8Array(await crypto.subtle.sign('Ed25519', secret, message)) };
  };
  // By the specification's ABNF, written here without a look at Lull's.
  const textOf = (input, address) => {
    const lines = [`${input.domain ?? location.host} wants you to sign in with your Solana account:`, address];
    if (input.statement) lines.push('', input.statement);
    const fields = [
      ['URI', input.uri], ['Version', input.version], ['Chain ID', input.chainId], ['Nonce', input.nonce], ['Issued At', input.issuedAt],
      ['Expiration Time', input.expirationTime], ['Not Before', input.notBefore], ['Request ID', input.requestId],
    ].filter(([, value]) => value !== undefined);
    lines.push('', ...fields.map(([name, value]) => `${name}: ${value}`));
    if (input.resources) lines.push('Resources:', ...input.resources.map((resource) => `- ${resource}`));
    return lines.join('\n');
  };

  // What a test reads: the inputs of each signature.
  const calls = [];
  window.testWallet = { calls };

  const refusal = () => Object.assign(new Error('User rejected the request.'), { code: 4001 });
  const never = () => new Promise(() => {});

  // A good wallet, but for what `changes` says.
  const wallet = (name, colour, changes = {}) => {
    const seed = changes.seed ?? SEED;
    const listeners = new Set();
    const emit = (accounts) => listeners.forEach((listener) => listener({ accounts }));
    const sign = changes.sign ?? (async (text, signer) => ({ account: await accountOf(signer), ...(await signed(signer, text)) }));
    const features = {
      'standard:connect': { version: '1.0.0', connect: changes.connect ?? (async () => ({ accounts: [await accountOf(seed)] })) },
      'standard:events': {
        version: '1.0.0',
        on: (event, listener) => {
          if (event === 'change') listeners.add(listener);
          return () => listeners.delete(listener);
        },
      },
      'solana:signIn': {
        version: '1.0.0',
        signIn: async (...inputs) => {
          calls.push({ wallet: name, inputs });
          const [input] = inputs;
          const address = input.address ?? (await accountOf(seed)).address;
          return [await sign(new TextEncoder().encode(textOf(input, address)), await seedOf(address), emit)];
        },
      },
      'solana:signMessage': {
        version: '1.0.0',
        signMessage: async ({ account, message }) => {
          calls.push({ wallet: name, address: account.address });
          const { signedMessage, signature } = await sign(message, await seedOf(account.address), emit);
          return [{ signedMessage, signature }];
        },
      },
    };
    for (const missing of changes.without ?? []) delete features[missing];
    return { version: '1.0.0', name, icon: icon(colour), chains: ['solana:mainnet', 'solana:devnet'], accounts: [], features, ...changes.fields };
  };

  const wallets = {
    good: () => [wallet('Good Wallet', 'teal')],
    message: () => [wallet('Message Wallet', 'purple', { without: ['solana:signIn'] })],
    none: () => [],
    unable: () => [wallet('Other Chain', 'gray', { fields: { chains: ['eip155:1'] } })],
    several: () => [wallet('Several', 'navy', { connect: async () => ({ accounts: [await accountOf(SEED), await accountOf(OTHER_SEED)] }) })],
    twins: () => [wallet('Twin', 'green'), wallet('Twin', 'red', { seed: OTHER_SEED })],
    locked: () => [wallet('Locked', 'brown', { connect: async () => { throw new Error('Wallet is locked'); } })],
    empty: () => [wallet('Empty', 'brown', { connect: async () => ({ accounts: [] }) })],
    refuses: () => [wallet('Refuses', 'red', { sign: async () => { throw refusal(); } })],
    throws: () => [wallet('Throws', 'red', { connect: () => { throw new TypeError('cannot read properties of undefined'); } })],
    'throws-nothing': () => [wallet('Throws nothing', 'red', { connect: async () => { throw undefined; } })],
    hangs: () => {
      const real = window.setTimeout;
      window.setTimeout = (then, ms, ...rest) => real(then, ms / HASTE, ...rest);
      return [wallet('Hangs', 'gray', { connect: never })];
    },
    'hangs-late': () => {
      const real = window.setTimeout;
      window.setTimeout = (then, ms, ...rest) => real(then, ms / HASTE, ...rest);
      return [wallet('Hangs late', 'gray', { sign: never })];
    },
    waits: () => [wallet('Waits', 'gray', { connect: never })],
    garbage: () => [wallet('Garbage', 'orange', { connect: async () => ({ accounts: [{ address: '<b>no</b>' }] }) })],
    'garbage-object': () => [wallet('Garbage object', 'orange', { connect: async () => 7 })],
    'garbage-signature': () => [wallet('Garbage signature', 'orange', { sign: async (text) => ({ account: {}, signedMessage: 'text', signature: [1, 2] }) })],
    proxies: () => {
      const trap = new Proxy({}, { get: (_, name) => { if (name === 'then') return undefined; throw new Error(`no ${String(name)}`); } });
      return [wallet('Proxies', 'orange', { connect: async () => ({ accounts: new Proxy([1], { get: () => { throw new Error('no'); } }) }) }), trap];
    },
    'proxies-late': () => [wallet('Proxies late', 'orange', { sign: async (text, seed) => ({ account: await accountOf(seed), signedMessage: new Proxy(text, {}), signature: text }) })],
    forges: () => [wallet('Forges', 'orange', { sign: async (text, seed) => ({ account: await accountOf(seed), signedMessage: text, signature: new Uint8Array(64) }) })],
    other: () => [wallet('Other account', 'orange', {
      sign: async (text) => {
        const [mine, theirs] = [await accountOf(SEED), await accountOf(OTHER_SEED)];
        const own = new TextEncoder().encode(new TextDecoder().decode(text).replace(mine.address, theirs.address));
        return { account: theirs, ...(await signed(OTHER_SEED, own)) };
      },
    })],
    rewrites: () => [wallet('Rewrites', 'orange', {
      sign: async (text, seed) => ({ account: await accountOf(seed), ...(await signed(seed, new TextEncoder().encode(`${new TextDecoder().decode(text)}\n`))) }),
    })],
    changes: () => [wallet('Changes', 'blue', {
      sign: async (text, seed, emit) => {
        emit([await accountOf(OTHER_SEED)]);
        return { account: await accountOf(seed), ...(await signed(seed, text)) };
      },
    })],
    // Its account's address registers another wallet whenever it is read.
    registers: () => {
      const connect = async () => {
        const { address, ...account } = await accountOf(SEED);
        const get = () => {
          const detail = ({ register }) => register(wallet('Another', 'gray'));
          window.dispatchEvent(Object.assign(new Event('wallet-standard:register-wallet'), { detail }));
          return address;
        };
        return { accounts: [Object.defineProperty(account, 'address', { enumerable: true, get })] };
      };
      return [wallet('Registers', 'orange', { without: ['solana:signIn'], connect })];
    },
    hostile: () => [
      wallet(`<img src=x onerror=alert(1)>\u202e${'long '.repeat(60)}`, 'black', { fields: { icon: 'https://wallet.example/icon.png' } }),
      { get name() { throw new Error('no name'); } },
      { version: '1.0.0', name: 'No features', chains: ['solana:mainnet'] },
      null,
    ],
  };

  for (const name of chosen().split(',')) {
    const given = wallets[name]?.() ?? [];
    const callback = ({ register }) => register(...given);
    class RegisterWalletEvent extends Event {
      get detail() {
        return callback;
      }
    }
    window.dispatchEvent(new RegisterWalletEvent('wallet-standard:register-wallet'));
    window.addEventListener('wallet-standard:app-ready', ({ detail: api }) => callback(api));
  }
})();
