import { type Job, run } from './jobs.ts';

/** Does jobs as they come over the channel of `child_process.fork`, one at a time. */
process.on('message', (job: Job) => {
  const before = process.cpuUsage();
  const result = run(job);
  const { user, system } = process.cpuUsage(before);
  process.send?.({ job, result, cpuSeconds: Math.round((user + system) / 1e5) / 10 });
});
