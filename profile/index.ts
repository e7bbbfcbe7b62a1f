/** @file Profiling, in one import: compile, measure what the machine can do, record, and read the records. */
export { compileProfiled, type ProfileBuffer, type ProfiledArtifact, type ProfileStep } from "./artifact.ts";
export {
  chromeTrace,
  kernelRows,
  liveBytes,
  nodeRows,
  operatorRows,
  type Profile,
  type Row,
  type StepTime,
  summarize,
} from "./records.ts";
export { type Bandwidth, bandwidthFor, leastTime, measureRoof, type Roof, type RoofOptions } from "./roof.ts";
export { type Watch, type Watched, watchHere, watchOn } from "./watch.ts";
