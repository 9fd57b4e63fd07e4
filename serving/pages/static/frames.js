// One piece of work in a frame, so that none is late.

const waiting = [];

function next() {
  waiting.shift()();
  if (waiting.length) requestAnimationFrame(next);
}

// In a frame in which nobody else has a turn, after those that asked before.
export const turn = () =>
  new Promise((begin) => {
    if (waiting.push(begin) === 1) requestAnimationFrame(next);
  });
