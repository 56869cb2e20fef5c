// The unmodified Node.js client of Google's API; only address, port and credentials are given.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const {v1, v2} = require('@google-cloud/language');
const {grpc} = require('google-gax');

const ARTICLE = fs.readFileSync(path.join(__dirname, '../../examples/article-de.txt'), 'utf8');
const ODD = '🙂👩‍🚀 𝔏 Grüße: Jürgen Köhler lobte ' + 'Björn Schäfer'.normalize('NFD') + ' aus Köln.';

/** In the clear, for a server on the same machine or behind a proxy. */
function plaintext() {
  return {
    apiEndpoint: '127.0.0.1',
    port: Number(process.env.PLAINTEXT_PORT),
    sslCreds: grpc.credentials.createInsecure(),
    // Not sent; without it the client looks for credentials of Google's first.
    apiKey: 'none',
  };
}

/** Over TLS with an API key; the certificates to trust stand in GRPC_DEFAULT_SSL_ROOTS_FILE_PATH. */
function secured(apiKey) {
  return {apiEndpoint: '127.0.0.1', port: Number(process.env.TLS_PORT), apiKey};
}

/** Each mention stands where the answer says, in the unit of JavaScript's strings. */
function assertPlaced(answer, source) {
  assert.ok(answer.entities.length > 0);
  for (const entity of answer.entities) {
    for (const {text} of entity.mentions) {
      assert.equal(source.substr(text.beginOffset, text.content.length), text.content);
    }
  }
}

async function first(options) {
  const client = new v1.LanguageServiceClient(options);
  for (const content of [ARTICLE, ODD]) {
    const document = {content, type: 'PLAIN_TEXT', language: 'de'};
    const [entities] = await client.analyzeEntities({document, encodingType: 'UTF16'});
    assertPlaced(entities, content);
    assert.equal(entities.language, 'de');
    assert.ok(Math.abs(entities.entities.reduce((sum, e) => sum + e.salience, 0) - 1) < 0.01);
    assert.equal(entities.entities[0].mentions[0].type, 'PROPER');
    const [stances] = await client.analyzeEntitySentiment({document, encodingType: 'UTF16'});
    assertPlaced(stances, content);
    assert.ok(stances.entities.every(e => e.sentiment.magnitude >= Math.abs(e.sentiment.score) - 1e-3));
    const [tone] = await client.analyzeSentiment({document});
    assert.ok(tone.sentences.length > 0 && tone.sentences.every(s => s.text.beginOffset === -1));
    assert.ok(Math.abs(tone.documentSentiment.score) <= 1);
  }
  const document = {content: 'Guten Tag', type: 'PLAIN_TEXT'};
  await assert.rejects(client.analyzeSyntax({document}), {code: grpc.status.UNIMPLEMENTED});
  await assert.rejects(client.analyzeEntities({document: {content: 'a'}}), {code: grpc.status.INVALID_ARGUMENT});
  const [empty] = await client.analyzeSentiment({document: {content: '', type: 'PLAIN_TEXT'}});
  assert.equal(empty.documentSentiment.score, 0);
  await client.close();
}

async function second(options) {
  const client = new v2.LanguageServiceClient(options);
  const document = {content: ODD, type: 'PLAIN_TEXT', languageCode: 'de'};
  const features = {extractEntities: true, extractDocumentSentiment: true};
  const [answer] = await client.annotateText({document, features, encodingType: 'UTF16'});
  assertPlaced(answer, ODD);
  assert.ok(answer.languageSupported);
  assert.ok(answer.entities.every(e => e.mentions.every(m => m.probability > 0)));
  await client.close();
}

async function main() {
  for (const options of [plaintext, () => secured(process.env.API_KEY)]) {
    await first(options());
    await second(options());
  }
  const stranger = new v1.LanguageServiceClient(secured('not-' + process.env.API_KEY));
  const document = {content: 'Guten Tag', type: 'PLAIN_TEXT'};
  await assert.rejects(stranger.analyzeEntities({document}), {code: grpc.status.UNAUTHENTICATED});
  await stranger.close();
}

main().catch(error => {
  console.error(error);
  process.exit(1);
});
