// A story told by a real client: what an integration does with an org in a day.
// It prints one JSON line a step, {"step","ok","detail"}, and exits 1 if any failed.
//
//   node run.mjs --url URL [--login password|client|jwt|soap] [--username U] [--password P]
//                [--client ID] [--secret S] [--key PEM] [--audience URL] [--expect-held FILE] [--only-held]
//                [--files-in-composite stored|refused]
//
// --key is the private key of the JWT bearer flow, --audience whom its assertions are for
// (default: URL). A gateway that does not look into composite requests refuses those with
// files: --files-in-composite refused wants that. --expect-held uploads FILE at the end
// and wants it refused in the platform's own words; with --only-held nothing else is done.
// https works with NODE_EXTRA_CA_CERTS.
import { readFileSync } from 'node:fs';
import { createSign, createHash } from 'node:crypto';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import jsforce from 'jsforce';

const { values: opt } = parseArgs({
  options: {
    url: { type: 'string' },
    login: { type: 'string', default: 'password' },
    username: { type: 'string', default: 'demo@example.com' },
    password: { type: 'string', default: 'demo' },
    client: { type: 'string', default: 'demo' },
    secret: { type: 'string', default: 'demo' },
    key: { type: 'string' },
    audience: { type: 'string' },
    'files-in-composite': { type: 'string', default: 'stored' },
    'expect-held': { type: 'string' },
    'only-held': { type: 'boolean', default: false },
  },
});
if (!opt.url) {
  console.error('usage: node run.mjs --url URL [--login password|client|jwt|soap]');
  process.exit(2);
}
const url = opt.url.replace(/\/+$/, '');
const mark = `jsforce ${Date.now()}`;
// A one-pixel image, so that the upload is what it says it is.
const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC', 'base64');

let failed = false;
function say(step, ok, detail) {
  failed ||= !ok;
  console.log(JSON.stringify({ step, ok, detail }));
}

async function step(name, act) {
  try {
    say(name, true, (await act()) ?? '');
  } catch (e) {
    say(name, false, `${e.errorCode ?? e.name}: ${e.message}`);
  }
}

function expect(truth, otherwise) {
  if (!truth) throw new Error(otherwise);
}

// refusal runs what must fail and returns the error the client saw.
async function refusal(act) {
  try {
    await act();
  } catch (e) {
    return e;
  }
  throw new Error('it was accepted');
}

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

async function download(conn, object, id, field) {
  const chunks = [];
  for await (const chunk of conn.sobject(object).record(id).blob(field)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function assertion() {
  const part = (o) => Buffer.from(JSON.stringify(o)).toString('base64url');
  const text = `${part({ alg: 'RS256' })}.${part({
    iss: opt.client, sub: opt.username, aud: opt.audience ?? url, exp: Math.floor(Date.now() / 1000) + 180,
  })}`;
  return `${text}.${createSign('RSA-SHA256').update(text).sign(readFileSync(opt.key), 'base64url')}`;
}

async function login() {
  if (opt.login === 'soap') {
    const conn = new jsforce.Connection({ loginUrl: url, version: '64.0' });
    await conn.login(opt.username, opt.password);
    return conn;
  }
  const conn = new jsforce.Connection({
    oauth2: { clientId: opt.client, clientSecret: opt.secret, loginUrl: url },
    version: '64.0',
  });
  if (opt.login === 'password') await conn.login(opt.username, opt.password);
  else if (opt.login === 'client') await conn.authorize({ grant_type: 'client_credentials' });
  else if (opt.login === 'jwt') {
    await conn.authorize({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: assertion() });
  } else throw new Error(`unknown --login ${opt.login}`);
  return conn;
}

let conn;
await step('login', async () => {
  conn = await login();
  // Whoever rewrites answers must keep the client where it is.
  expect(conn.instanceUrl === url, `the token sends the client to ${conn.instanceUrl}`);
  return opt.login;
});
if (!conn) process.exit(1);

async function day() {
  await step('identity', async () => {
    if (opt.login === 'soap') return conn.userInfo.id;
    const me = await conn.identity();
    expect(me.username && me.urls.rest.startsWith(url), `identity answers ${JSON.stringify(me.urls)}`);
    return me.username;
  });
  await step('versions', async () => {
    const list = await conn.request('/services/data');
    expect(list.length > 0 && list.every((v) => v.version && v.url), 'no versions');
    return list.map((v) => v.version).join(' ');
  });
  await step('describe', async () => {
    const d = await conn.sobject('ContentVersion').describe();
    const field = d.fields.find((f) => f.name === 'VersionData');
    expect(d.createable && field.createable && field.type === 'base64', 'VersionData cannot be written');
    expect((await conn.describeGlobal()).sobjects.some((s) => s.name === 'Case'), 'no Case');
    return `${d.fields.length} fields`;
  });

  let account, kase;
  await step('create', async () => {
    account = (await conn.sobject('Account').create({ Name: `${mark} clinic` })).id;
    kase = (await conn.sobject('Case').create({ Subject: `${mark} upload`, Origin: 'Web', AccountId: account })).id;
    return `${account} ${kase}`;
  });
  await step('update', async () => {
    const r = await conn.sobject('Case').update({ Id: kase, Status: 'Working', Description: 'text > media & "quotes"' });
    expect(r.success, JSON.stringify(r));
    const back = await conn.sobject('Case').retrieve(kase);
    expect(back.Status === 'Working' && back.Description.includes('&'), JSON.stringify(back));
  });
  await step('query', async () => {
    const r = await conn.query(`SELECT Id, Account.Name, Owner.Name FROM Case WHERE Subject = '${mark} upload' ORDER BY CreatedDate DESC`);
    expect(r.totalSize === 1 && r.records[0].Account.Name === `${mark} clinic`, JSON.stringify(r));
    expect((await conn.sobject('Account').find({ Name: { $like: `${mark}%` } }, 'Id, Name').limit(5)).length === 1, 'find');
    return r.records[0].Owner.Name;
  });
  await step('upsert', async () => {
    const key = `${mark} key`;
    const first = await conn.sobject('Account').upsert({ Name: 'by key', External_Id__c: key }, 'External_Id__c');
    const second = await conn.sobject('Account').upsert({ Name: 'by key again', External_Id__c: key }, 'External_Id__c');
    expect(first.created === true && second.id === first.id && second.created === false, JSON.stringify([first, second]));
    const r = await conn.sobject('Account').destroy(first.id);
    expect(r.success, JSON.stringify(r));
  });

  let version, doc;
  await step('upload', async () => {
    const r = await conn.sobject('ContentVersion').create({
      Title: mark, PathOnClient: 'pixel.png', VersionData: png.toString('base64'), FirstPublishLocationId: kase,
    });
    expect(r.success && r.id.startsWith('068'), JSON.stringify(r));
    version = r.id;
    const row = await conn.sobject('ContentVersion').retrieve(version);
    doc = row.ContentDocumentId;
    expect(row.ContentSize === png.length && row.FileExtension === 'png', JSON.stringify(row));
    return `${version} ${doc}`;
  });
  await step('download', async () => {
    const back = await download(conn, 'ContentVersion', version, 'VersionData');
    expect(back.equals(png), `${back.length} bytes, sha256 ${sha256(back)}`);
    return sha256(back);
  });
  await step('new version', async () => {
    const other = Buffer.concat([png, Buffer.from('\n')]);
    const r = await conn.sobject('ContentVersion').create({
      PathOnClient: 'pixel.png', VersionData: other.toString('base64'), ContentDocumentId: doc, ReasonForChange: 'retake',
    });
    const d = await conn.sobject('ContentDocument').retrieve(doc);
    expect(d.LatestPublishedVersionId === r.id, JSON.stringify(d));
    expect((await download(conn, 'ContentVersion', r.id, 'VersionData')).equals(other), 'bytes differ');
  });
  await step('multipart', async () => {
    // As the sf CLI writes it: the bytes first, under a type that says little, then the record.
    const boundary = '----cordon-story';
    const part = (head, body) => Buffer.concat([Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n`), Buffer.from(body), Buffer.from('\r\n')]);
    const body = Buffer.concat([
      part('name="VersionData"; filename="pixel"\r\nContent-Type: image/x-pict', png),
      part('name="entity_content"\r\nContent-Type: application/json', JSON.stringify({ PathOnClient: 'pixel.png', Title: `${mark} bytes first` })),
      Buffer.from(`--${boundary}--\r\n`),
    ]);
    const r = await conn.request({
      method: 'POST', url: '/services/data/v64.0/sobjects/ContentVersion/',
      headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}` }, body,
    });
    expect(r.success, JSON.stringify(r));
    expect((await download(conn, 'ContentVersion', r.id, 'VersionData')).equals(png), 'bytes differ');
  });
  await step('link', async () => {
    const r = await conn.sobject('ContentDocumentLink').create({
      ContentDocumentId: doc, LinkedEntityId: account, ShareType: 'V', Visibility: 'InternalUsers',
    });
    const links = await conn.query(`SELECT LinkedEntityId FROM ContentDocumentLink WHERE ContentDocumentId = '${doc}'`);
    expect(r.success && links.records.length === 3, JSON.stringify(links));
  });
  await step('attachment', async () => {
    const r = await conn.sobject('Attachment').create({ ParentId: kase, Name: 'pixel.png', ContentType: 'image/png', Body: png.toString('base64') });
    const body = Buffer.from('replaced');
    await conn.sobject('Attachment').update({ Id: r.id, Body: body.toString('base64') });
    expect((await download(conn, 'Attachment', r.id, 'Body')).equals(body), 'bytes differ');
    return r.id;
  });
  await step('collections', async () => {
    const records = [1, 2, 3].map((n) => ({ Name: `${mark} ${n}` }));
    const made = await conn.sobject('Account').create(records, { allOrNone: true });
    expect(made.length === 3 && made.every((r) => r.success), JSON.stringify(made));
    const half = await conn.sobject('Account').create([{ Name: `${mark} good` }, {}], { allOrNone: false });
    expect(half[0].success && !half[1].success && half[1].errors[0].statusCode === 'REQUIRED_FIELD_MISSING', JSON.stringify(half));
    const gone = await conn.sobject('Account').destroy([...made.map((r) => r.id), half[0].id], { allOrNone: true });
    expect(gone.every((r) => r.success), JSON.stringify(gone));
  });
  await step('composite', async () => {
    const send = (second) => conn.requestPost('/services/data/v64.0/composite', {
      allOrNone: true,
      compositeRequest: [
        { method: 'POST', url: '/services/data/v64.0/sobjects/Case', referenceId: 'newCase', body: { Subject: `${mark} composite` } },
        second,
      ],
    });
    const link = await send({ method: 'GET', url: '/services/data/v64.0/sobjects/Case/@{newCase.id}?fields=Subject', referenceId: 'again' });
    expect(link.compositeResponse.every((one) => one.httpStatusCode < 300), JSON.stringify(link));
    const file =
        { method: 'POST', url: '/services/data/v64.0/sobjects/Attachment', referenceId: 'newFile',
          body: { ParentId: '@{newCase.id}', Name: 'pixel.png', Body: png.toString('base64') } };
    if (opt['files-in-composite'] === 'refused') {
      const e = await refusal(() => send(file));
      expect(e.errorCode === 'FIELD_CUSTOM_VALIDATION_EXCEPTION', e.errorCode);
      return e.message;
    }
    const r = await send(file);
    expect(r.compositeResponse.every((one) => one.httpStatusCode === 201), JSON.stringify(r));
  });
  await step('bulk', async () => {
    const r = await conn.bulk2.loadAndWaitForResults({
      object: 'Account', operation: 'insert', input: [{ Name: `${mark} bulk`, Phone: '1' }, { Name: '', Phone: '2' }], pollInterval: 100, pollTimeout: 20000,
    });
    expect(r.successfulResults.length === 1 && r.failedResults.length === 1, JSON.stringify(r));
    await conn.sobject('Account').destroy(r.successfulResults[0].sf__Id);
  });
  await step('bad record', async () => {
    const missing = await refusal(() => conn.sobject('Account').create({}));
    expect(missing.errorCode === 'REQUIRED_FIELD_MISSING', missing.errorCode);
    const field = await refusal(() => conn.sobject('Account').create({ Name: 'x', Nonsense__c: 1 }));
    expect(field.errorCode === 'INVALID_FIELD', field.errorCode);
    const query = await refusal(() => conn.query('SELECT FROM Account'));
    expect(query.errorCode === 'MALFORMED_QUERY', query.errorCode);
    return `${missing.message}`;
  });
  await step('delete', async () => {
    const r = await conn.sobject('ContentDocument').destroy(doc);
    expect(r.success, JSON.stringify(r));
    expect((await conn.query(`SELECT Id FROM ContentVersion WHERE ContentDocumentId = '${doc}'`)).totalSize === 0, 'still there');
    for (const [object, id] of [['Case', kase], ['Account', account]]) {
      expect((await conn.sobject(object).destroy(id)).success, object);
    }
    const gone = await refusal(() => conn.sobject('Case').retrieve(kase));
    expect(/NOT_FOUND|ENTITY_IS_DELETED/.test(gone.errorCode), gone.errorCode);
  });
}

if (!opt['only-held']) await day();

if (opt['expect-held']) {
  await step('expect held', async () => {
    const bytes = readFileSync(opt['expect-held']);
    const e = await refusal(() => conn.sobject('ContentVersion').create({
      Title: `${mark} held`, PathOnClient: basename(opt['expect-held']), VersionData: bytes.toString('base64'),
    }));
    expect(e.errorCode === 'FIELD_CUSTOM_VALIDATION_EXCEPTION', `${e.errorCode}: ${e.message}`);
    return e.message;
  });
}

await step('logout', async () => {
  const token = conn.accessToken;
  await conn.logout();
  const again = new jsforce.Connection({ instanceUrl: url, accessToken: token, version: '64.0' });
  const e = await refusal(() => again.query('SELECT Id FROM Account LIMIT 1'));
  expect(e.errorCode === 'INVALID_SESSION_ID', e.errorCode);
});

process.exit(failed ? 1 : 0);
