// openid-client against the provider. Reads one JSON object of settings on the first line of standard input, writes
// the authorization URL, reads the callback URL on the next line, and writes what it then got as one JSON line.
import * as readline from "node:readline";
import * as client from "openid-client";

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");

const settings = JSON.parse((await lines.next()).value);

async function authentication() {
  switch (settings.method) {
    case "client_secret_basic":
      return client.ClientSecretBasic(settings.secret);
    case "client_secret_post":
      return client.ClientSecretPost(settings.secret);
    case "none":
      return client.None();
    case "private_key_jwt": {
      const { alg, ...jwk } = settings.jwk;
      const algorithm = alg === "ES256" ? { name: "ECDSA", namedCurve: "P-256" } : { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
      const key = await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["sign"]);
      return client.PrivateKeyJwt({ key, kid: jwk.kid });
    }
  }
  throw new Error(`unknown method ${settings.method}`);
}

const metadata = { id_token_signed_response_alg: settings.id_token_alg ?? "RS256" };
const config = await client.discovery(new URL(settings.issuer), settings.client_id, metadata, await authentication(), {
  execute: [client.allowInsecureRequests],
  algorithm: settings.algorithm ?? "oidc",
});

const verifier = client.randomPKCECodeVerifier();
const nonce = client.randomNonce();
const state = client.randomState();
const url = client.buildAuthorizationUrl(config, {
  redirect_uri: settings.redirect_uri,
  scope: settings.scope,
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
  nonce,
  state,
  ...settings.parameters,
});
say({ url: url.href, server: config.serverMetadata() });

const callback = new URL((await lines.next()).value);
try {
  const tokens = await client.authorizationCodeGrant(config, callback, {
    pkceCodeVerifier: verifier,
    expectedNonce: nonce,
    expectedState: state,
    idTokenExpected: true,
  });
  const claims = tokens.claims();
  const result = { token_type: tokens.token_type, expires_in: tokens.expiresIn(), claims, scope: tokens.scope };
  result.userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
  if (settings.method !== "none") {
    result.introspection = await client.tokenIntrospection(config, tokens.access_token);
  }
  if (tokens.refresh_token) {
    const fresh = await client.refreshTokenGrant(config, tokens.refresh_token);
    result.refreshed = { claims: fresh.claims(), rotated: fresh.refresh_token !== tokens.refresh_token };
    await client.tokenRevocation(config, fresh.refresh_token);
    try {
      await client.refreshTokenGrant(config, fresh.refresh_token);
      result.after_revocation = "works";
    } catch (error) {
      result.after_revocation = error.error;
    }
    if (settings.method !== "none") {
      result.introspected_after = await client.tokenIntrospection(config, fresh.access_token);
    }
  }
  result.end_session = client.buildEndSessionUrl(config, {
    id_token_hint: tokens.id_token,
    post_logout_redirect_uri: settings.post_logout_redirect_uri,
    state: "bye",
  }).href;
  say(result);
} catch (error) {
  say({ failed: error.message, code: error.code, error: error.error, cause: String(error.cause?.message ?? error.cause ?? "") });
}
process.exit(0);
