// More than the server can do, offered by k6: single calls with a deadline at a fixed rate, whatever becomes of those
// before (open loop). Counts how they end and checks that each refusal says when to come back.
//
//   scripts/tools.sh load
//   target/tools/bin/k6 run --no-usage-report --env RATE=60 benches/k6/overload.js
//
// Further variables: ADDRESS, TEXT_FILE (beside this file or absolute), DEADLINE and SECONDS, FILLING (the seconds at
// the beginning whose answers do not count, since the queue fills then) and SUMMARY (a file for the figures as JSON).

import { check } from 'k6';
import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
import grpc from 'k6/net/grpc';

const ADDRESS = __ENV.ADDRESS || '127.0.0.1:50051';
const RATE = Number(__ENV.RATE || 50);
const DEADLINE = Number(__ENV.DEADLINE || 5);
const FILLING = Number(__ENV.FILLING || DEADLINE);
const SECONDS = Number(__ENV.SECONDS || 25);
const TEXT = open(__ENV.TEXT_FILE || '../../examples/article-en.txt');

const answered = new Counter('tagwerk_answered');
const answeredInTime = new Counter('tagwerk_answered_in_time');
const refused = new Counter('tagwerk_refused');
const refusedWithoutDelay = new Counter('tagwerk_refused_without_delay');
const timedOut = new Counter('tagwerk_timed_out');
const failed = new Counter('tagwerk_failed');

export const options = {
  scenarios: {
    overload: {
      executor: 'constant-arrival-rate',
      // A whole number is wanted: calls in a hundred seconds.
      rate: Math.round(RATE * 100),
      timeUnit: '100s',
      duration: `${SECONDS}s`,
      // More calls than this cannot be open at a time, since each ends with its deadline.
      preAllocatedVUs: Math.ceil(RATE * DEADLINE) + 1,
      gracefulStop: `${2 * DEADLINE}s`,
    },
  },
  thresholds: {
    checks: ['rate==1'],
    dropped_iterations: ['count==0'],
    tagwerk_failed: ['count==0'],
    // The time to a refusal (RESOURCE_EXHAUSTED).
    'grpc_req_duration{status:8}': ['med<20'],
  },
  summaryTrendStats: ['min', 'med', 'p(99)', 'max'],
};

const client = new grpc.Client();
client.load(['../../proto'], 'tagwerk/v1/tagging_service.proto');

const request = {
  document: { text: TEXT },
  options: {
    features: ['MENTIONS', 'ENTITIES', 'STANCES', 'QUOTES', 'SENTENCES'].map((name) => `FEATURE_${name}`),
  },
};

export default function () {
  if (exec.vu.iterationInScenario === 0) {
    client.connect(ADDRESS, { plaintext: true });
  }
  const response = client.invoke('tagwerk.v1.TaggingService/Tag', request, { timeout: `${DEADLINE}s` });
  const second = (Date.now() - exec.scenario.startTime) / 1000;
  switch (response.status) {
    case grpc.StatusOK:
      answered.add(1);
      answeredInTime.add(second >= FILLING && second < SECONDS ? 1 : 0);
      break;
    case grpc.StatusResourceExhausted:
      refused.add(1);
      refusedWithoutDelay.add(saysWhen(response) ? 0 : 1);
      check(response, { 'a refusal says when to come back': saysWhen });
      break;
    case grpc.StatusDeadlineExceeded:
      timedOut.add(1);
      break;
    default:
      failed.add(1);
      console.error(`status ${response.status}: ${JSON.stringify(response.error)}`);
  }
}

function saysWhen(response) {
  const details = (response.error && response.error.details) || [];
  return details.some((detail) => detail['@type'].endsWith('/google.rpc.RetryInfo') && detail.retryDelay);
}

export function handleSummary(data) {
  const value = (metric, name) => (data.metrics[metric] ? data.metrics[metric].values[name] : 0);
  const figures = {
    seconds: SECONDS - FILLING,
    sent: value('iterations', 'count'),
    never_sent: value('dropped_iterations', 'count'),
    answered: value('tagwerk_answered', 'count'),
    answered_in_time: value('tagwerk_answered_in_time', 'count'),
    refused: value('tagwerk_refused', 'count'),
    refused_without_delay: value('tagwerk_refused_without_delay', 'count'),
    timed_out: value('tagwerk_timed_out', 'count'),
    failed: value('tagwerk_failed', 'count'),
    refusal_ms: {
      median: value('grpc_req_duration{status:8}', 'med'),
      p99: value('grpc_req_duration{status:8}', 'p(99)'),
    },
  };
  const text = `${JSON.stringify(figures, null, 2)}\n`;
  return __ENV.SUMMARY ? { [__ENV.SUMMARY]: text } : { stdout: text };
}
