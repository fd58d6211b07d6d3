// What node-salesforce gets from an org, step by step, as test/jsforce/steps.mjs does it:
//
//   node steps.mjs --url URL --mark TEXT
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';

const sf = createRequire(import.meta.url)('node-salesforce');
const { values: opt } = parseArgs({ options: { url: { type: 'string' }, mark: { type: 'string' } } });
const { url, mark } = opt;
const conn = new sf.Connection({ loginUrl: url, version: '40.0' });

// answer makes a promise of a call that ends in a callback.
const answer = (call) => new Promise((resolve, reject) => call((err, v) => (err ? reject(err) : resolve(v))));

async function step(name, act) {
  try {
    console.log(JSON.stringify({ step: name, ok: true, detail: await act() }));
  } catch (e) {
    console.log(JSON.stringify({ step: name, ok: false, detail: `${e.errorCode ?? e.name}: ${e.message}` }));
  }
}

let id;
await step('sign in', async () => {
  await answer((done) => conn.login('demo@example.com', 'demo', done));
  return conn.instanceUrl;
});
await step('create', async () => {
  const r = await answer((done) => conn.sobject('Account').create({ Name: mark }, done));
  id = r.id;
  return r.success;
});
await step('create several', async () => (await answer((done) => conn.sobject('Account').create([{ Name: `${mark} 1` }, { Name: `${mark} 2` }], done))).map((r) => r.success));
await step('read', async () => (await answer((done) => conn.sobject('Account').retrieve(id, done))).Name);
await step('query', async () => (await answer((done) => conn.query(`SELECT Name FROM Account WHERE Name LIKE '${mark}%' ORDER BY Name`, done))).records.map((r) => r.Name));
await step('update', async () => (await answer((done) => conn.sobject('Account').update({ Id: id, Phone: '1' }, done))).success);
await step('describe', async () => (await answer((done) => conn.sobject('Account').describe(done))).fields.length);
await step('search', async () => (await answer((done) => conn.search(`FIND {"${mark} 1"} RETURNING Account(Name)`, done))).searchRecords.length);
await step('file', async () => (await answer((done) => conn.sobject('ContentVersion').create(
  { Title: mark, PathOnClient: 'a.txt', VersionData: Buffer.from(`${mark} file`).toString('base64') }, done))).success);
await step('bulk', async () => (await answer((done) => conn.bulk.load('Account', 'insert', [{ Name: `${mark} bulk`, Phone: '0' }, { Name: '', Phone: '1' }], done))).map((r) => [r.success, r.errors]));
await step('delete', async () => (await answer((done) => conn.sobject('Account').destroy(id, done))).success);
await step('read what is gone', async () => answer((done) => conn.sobject('Account').retrieve(id, done)));
process.exit(0);
