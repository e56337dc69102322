/**
 * How long the open step has been running, in milliseconds.
 *
 * The backend's clock may differ from this device's: when the two plainly disagree, the time since the event
 * arrived is the better witness.
 */
export function liveElapsed(startedAt: number, arrivedAt: number, now: number): number {
  const byServer = now - startedAt;
  const byArrival = Math.max(0, now - arrivedAt);
  const plausible = byServer >= byArrival - 250 && byServer <= byArrival + 300_000;
  return plausible ? Math.max(0, byServer) : byArrival;
}
