// Answers a list of cases on standard input with WeCom's own package: seals messages, opens envelopes.
const { decrypt, encrypt, getSignature } = require("@wecom/crypto");

const seal = ({ token, aesKey, id, message, timestamp, nonce }) => {
  const encrypted = encrypt(aesKey, message, id);
  return { encrypt: encrypted, signature: getSignature(token, timestamp, nonce, encrypted) };
};

const open = ({ token, aesKey, encrypt: encrypted, timestamp, nonce }) => {
  const { message, id } = decrypt(aesKey, encrypted);
  return { message, id, signature: getSignature(token, timestamp, nonce, encrypted) };
};

const cases = JSON.parse(require("fs").readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(cases.map((one) => (one.encrypt ? open(one) : seal(one)))));
