// What jsforce gets from an org, step by step, so that two runs can be compared: one with the
// org itself and one through a gateway. It prints one JSON line a step, {"step","ok","detail"};
// a step that fails prints the client's error and is no failure of the program.
//
//   node steps.mjs --url URL --mark TEXT
//
// --mark is part of every name that a run writes, so that runs do not find each other's records.
import { parseArgs } from 'node:util';
import jsforce from 'jsforce';

const { values: opt } = parseArgs({ options: { url: { type: 'string' }, mark: { type: 'string' } } });
const { url, mark } = opt;
const data = '/services/data/v64.0';

async function step(name, act) {
  try {
    const detail = await act();
    console.log(JSON.stringify({ step: name, ok: true, detail }));
  } catch (e) {
    console.log(JSON.stringify({ step: name, ok: false, detail: `${e.errorCode ?? e.name}: ${e.message}` }));
  }
}

// A file of its own for each step: plain text, which nothing has to say about.
const file = (name) => Buffer.from(`${mark} ${name}`).toString('base64');
const read = async (stream) => {
  const chunks = [];
  for await (const c of stream) chunks.push(c);
  return Buffer.concat(chunks).toString();
};
const polled = { pollInterval: 100, pollTimeout: 60000 };

const conn = new jsforce.Connection({ oauth2: { clientId: 'demo', clientSecret: 'demo', loginUrl: url }, version: '64.0' });
await step('sign in', async () => {
  await conn.authorize({ grant_type: 'client_credentials' });
  return conn.instanceUrl;
});

let ids = [];
await step('create several', async () => {
  const made = await conn.sobject('Account').create([1, 2, 3].map((n) => ({ Name: `${mark} ${n}`, External_Id__c: `${mark} ${n}` })));
  ids = made.map((r) => r.id);
  return made.map((r) => [r.success, r.errors]);
});
await step('retrieve several', async () => (await conn.sobject('Account').retrieve(ids)).map((r) => r.Name));
await step('retrieve fields of several', async () => (await conn.retrieve('Account', ids, { fields: ['Name'] })).map((r) => r.Name));
await step('upsert several', async () => (await conn.sobject('Account').upsert(
  [1, 4].map((n) => ({ Name: `${mark} ${n}`, External_Id__c: `${mark} ${n}` })), 'External_Id__c')).map((r) => [r.success, r.created]));
await step('upsert by the parent\'s key', async () => (await conn.sobject('Contact').create({ LastName: mark, Account: { External_Id__c: `${mark} 1` } })).success);
await step('read with children', async () => (await conn.sobject('Account').find({ Id: ids[0] }).include('Contacts').select('LastName').end().execute())[0].Contacts.records.map((r) => r.LastName));
await step('children by path', async () => (await conn.request(`${data}/sobjects/Account/${ids[0]}/Contacts?fields=LastName`)).records.length);
await step('describe', async () => (await conn.sobject('ContentVersion').describe()).fields.map((f) => `${f.name} ${f.type}`));
await step('describe all', async () => (await conn.describeGlobal()).sobjects.length);
await step('search', async () => (await conn.search(`FIND {"${mark} 1"} IN NAME FIELDS RETURNING Account(Name)`)).searchRecords.map((r) => r.Name));
await step('TYPEOF', async () => {
  await conn.sobject('Task').create({ Subject: mark, WhatId: ids[0] });
  return (await conn.query(`SELECT TYPEOF What WHEN Account THEN Name END FROM Task WHERE Subject = '${mark}'`)).records[0].What.Name;
});
await step('columns', async () => (await conn.request(`${data}/query?q=SELECT+Id,Owner.Name+FROM+Account&columns=true`)).columnMetadata);
await step('long address', async () => conn.query(`SELECT Id FROM Account WHERE Name IN ('${'x'.repeat(17000)}')`));
await step('bad query', async () => conn.query('SELECT Nonsense FROM Account'));
await step('bad record', async () => conn.sobject('Account').create({ Nonsense: 1 }));
await step('bad version', async () => conn.request('/services/data/v64/limits'));
await step('retired version', async () => conn.request('/services/data/v20.0/limits'));

let version;
await step('file', async () => {
  const r = await conn.sobject('ContentVersion').create({ Title: mark, PathOnClient: 'a.txt', VersionData: file('file'), FirstPublishLocationId: ids[0] });
  version = r.id;
  return [r.success, await read(conn.sobject('ContentVersion').record(version).blob('VersionData'))];
});
await step('file as a Buffer', async () => conn.sobject('ContentVersion').create({ Title: mark, PathOnClient: 'a.txt', VersionData: Buffer.from('bytes') }));
await step('file in a collection', async () => (await conn.sobject('ContentVersion').create([{ Title: mark, PathOnClient: 'b.txt', VersionData: file('collection') }])).map((r) => r.success));
await step('link', async () => {
  const { ContentDocumentId } = await conn.sobject('ContentVersion').retrieve(version);
  await conn.sobject('ContentDocumentLink').create({ ContentDocumentId, LinkedEntityId: ids[1], ShareType: 'V' });
  return (await conn.query(`SELECT Visibility FROM ContentDocumentLink WHERE LinkedEntityId = '${ids[1]}'`)).records.map((r) => r.Visibility);
});
await step('link with a value that is none', async () => {
  const { ContentDocumentId } = await conn.sobject('ContentVersion').retrieve(version);
  return conn.sobject('ContentDocumentLink').create({ ContentDocumentId, LinkedEntityId: ids[2], ShareType: 'V', Visibility: 'Nobody' });
});

await step('bulk 1 insert', async () => (await conn.bulk.load('Account', 'insert', [{ Name: `${mark} bulk`, Phone: '0' }, { Name: '', Phone: '1' }])).map((r) => [r.success, r.errors]));
await step('bulk 1 query', async () => {
  const rows = await (await conn.bulk.query(`SELECT Name FROM Account WHERE Name = '${mark} bulk'`)).toArray();
  return rows.map((r) => r.Name);
});
await step('bulk 2 insert', async () => {
  const r = await conn.bulk2.loadAndWaitForResults({ object: 'Account', operation: 'insert', input: [{ Name: `${mark} bulk 2` }], ...polled });
  return [r.successfulResults.length, r.failedResults.length];
});
await step('bulk 2 query', async () => (await (await conn.bulk2.query(`SELECT Name FROM Account WHERE Name LIKE '${mark} bulk%' ORDER BY Name`, polled)).toArray()).map((r) => r.Name));
await step('bulk 1 file', async () => (await conn.bulk.load('Attachment', 'insert', [{ Name: 'c.txt', ParentId: ids[0], Body: file('bulk') }])).map((r) => r.success));
await step('bulk 2 file', async () => {
  const r = await conn.bulk2.loadAndWaitForResults({ object: 'Attachment', operation: 'insert', input: [{ Name: 'd.txt', ParentId: ids[0], Body: file('bulk 2') }], ...polled });
  return [r.successfulResults.length, r.failedResults.length];
});
await step('delete several', async () => (await conn.sobject('Account').destroy(ids)).map((r) => r.success));
