// Workers do not inherit the TypeScript loader of the main thread: this one brings it, then becomes fault-worker.ts.
import { register } from "tsx/esm/api";

register();
await import("./fault-worker.ts");
