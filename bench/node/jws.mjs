// An oracle for bench: signs and verifies detached JWS with jose, one JSON
// object on each line in and out. Without "token" it signs, with it it verifies.
import { createInterface } from 'node:readline';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { FlattenedSign, flattenedVerify } from 'jose';

const raw = (text) => Buffer.from(text, 'base64');

async function answer({ token, payload, alg, spki, pkcs8, header, crit }) {
  if (token === undefined) {
    const key = createPrivateKey({ key: raw(pkcs8), format: 'der', type: 'pkcs8' });
    const jws = await new FlattenedSign(raw(payload)).setProtectedHeader({ alg, ...header }).sign(key, { crit });
    return { token: `${jws.protected}..${jws.signature}` };
  }
  const [head, , signature] = token.split('.');
  const key = createPublicKey({ key: raw(spki), format: 'der', type: 'spki' });
  // With b64 false the payload is what it is; otherwise jose wants its base64url.
  const plain = JSON.parse(Buffer.from(head, 'base64url')).b64 === false;
  const body = plain ? raw(payload) : raw(payload).toString('base64url');
  await flattenedVerify({ protected: head, payload: body, signature }, key, { algorithms: [alg], crit });
  return { valid: true };
}

for await (const line of createInterface({ input: process.stdin })) {
  let out;
  try {
    out = await answer(JSON.parse(line));
  } catch (e) {
    out = { valid: false, code: e.code ?? e.name };
  }
  console.log(JSON.stringify(out));
}
