// Fails on the first attempt, as a flaky network would.
if (process.env.BATON_ATTEMPT === '1') {
  console.error('the first attempt fails on purpose');
  process.exit(1);
}
console.log(`attempt ${process.env.BATON_ATTEMPT} went well`);
