import type { Server } from "node:http";

/** The Content-Security-Policy that pages are served with. */
export declare const policy: string;
/** A server of the files in a folder and below; `examples/` if none is given. */
export declare function serve(folder?: string): Server;
