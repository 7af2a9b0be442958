import { DatabaseSync } from 'node:sqlite';
const d=new DatabaseSync('/tmp/f.db'); d.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS t(a)');
const p=d.prepare('insert into t values(1)'); const t=performance.now(); for(let i=0;i<300;i++) p.run(); console.log('ms per single commit', (performance.now()-t)/300);
