// The page's right: a key in the browser's storage of this origin. No script can read it out, no other page can use it (another
// port is another origin), and nothing goes along by itself: each request is signed, and a signature is good once.
"use strict";

/** What an agent that does not know this browser answers; it need not be asked. */
const NOT_PAIRED = { code: "not_paired", title: "this browser has no key", remedy: "pair with a code from `cccd-agent pair`" };

const Key = (() => {
  const base64url = (bytes) =>
    btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const utf8 = (text) => new TextEncoder().encode(text);
  const digest = async (bytes) => base64url(await crypto.subtle.digest("SHA-256", bytes));
  const ECDSA = { name: "ECDSA", namedCurve: "P-256" };
  /** The agent's nonce; each of its answers has the one for proofs to come. */
  let nonce = "";
  /** `{ pair, kid }`, as soon as it was looked for. */
  let own = null;

  const done = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });

  async function store(mode, work) {
    const open = indexedDB.open("desk", 1);
    open.onupgradeneeded = () => open.result.createObjectStore("keys");
    const database = await done(open);
    try {
      return await done(work(database.transaction("keys", mode).objectStore("keys")));
    } finally {
      database.close();
    }
  }

  async function jwkOf(pair) {
    const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
    return { kty, crv, x, y };
  }

  /** With its name, the thumbprint of RFC 7638. */
  async function named(pair) {
    const { kty, crv, x, y } = await jwkOf(pair);
    return { pair, kid: await digest(utf8(JSON.stringify({ crv, kty, x, y }))) };
  }

  async function known() {
    if (own) return own;
    const pair = await store("readonly", (keys) => keys.get("page"));
    own = pair ? await named(pair) : null;
    return own;
  }

  /** Signs what is asked: method, path with query, body. */
  async function proof({ pair, kid }, method, path, bytes, auto) {
    const jti = base64url(crypto.getRandomValues(new Uint8Array(16)));
    const claims = { jti, htm: method, htu: path, nonce, body: await digest(bytes), ...(auto ? { auto } : {}) };
    const part = (value) => base64url(utf8(JSON.stringify(value)));
    const signed = `${part({ typ: "cccd-proof+jwt", alg: "ES256", kid })}.${part(claims)}`;
    const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, pair.privateKey, utf8(signed));
    return `${signed}.${base64url(signature)}`;
  }

  /** Asks with a key. The first time, and now and then, the agent names a new nonce and is asked once more. */
  async function send(key, method, path, { body, headers = {}, auto = false, signal } = {}) {
    const url = new URL(path, location.origin);
    const target = url.pathname + url.search;
    const bytes = body instanceof Blob ? await body.arrayBuffer() : utf8(body ?? "");
    for (const last of [false, true]) {
      const used = nonce;
      const response = await fetch(target, {
        method,
        headers: { ...headers, proof: await proof(key, method, target, bytes, auto) },
        body: bytes.byteLength ? bytes : undefined,
        credentials: "omit",
        cache: "no-store",
        redirect: "error",
        signal,
      });
      nonce = response.headers.get("proof-nonce") ?? nonce;
      if (last || response.status !== 401 || nonce === used) return response;
    }
  }

  return {
    /** Asks with this browser's key. */
    async fetch(method, path, options) {
      const key = await known();
      if (!key) throw NOT_PAIRED;
      return send(key, method, path, options);
    },
    /** Pairs this browser with a new key, which is kept only if the agent takes it. */
    async pair(wanted) {
      const pair = await crypto.subtle.generateKey(ECDSA, false, ["sign", "verify"]);
      const key = await named(pair);
      const body = JSON.stringify({ ...wanted, key: await jwkOf(pair) });
      const response = await send(key, "POST", "/v1/pair", { body, headers: { "content-type": "application/json" } });
      const answer = await response.json();
      if (!response.ok) throw answer;
      await store("readwrite", (keys) => keys.put(pair, "page"));
      own = key;
    },
  };
})();
