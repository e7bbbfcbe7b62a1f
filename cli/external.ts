/** @file The files beside a model, read from disk for tensors that are kept outside of it. */
import { readFileSync, realpathSync } from "node:fs";
import { dirname, resolve, sep } from "node:path";

/**
 * A reader of external data for the model at a path. Symbolic links are followed, but not out of the model's folder:
 * the compiler has checked the text of the path already (onnx/weights.ts), and only here can be seen where it leads.
 *
 * @returns a function that throws an Error where there is no such file, or where it lies outside
 */
export function externalReader(modelPath: string): (location: string) => Uint8Array {
  return (location) => {
    // Asked for here, not before: that a model's folder is not there is told by who reads the model.
    const folder = realpathSync(dirname(resolve(modelPath)));
    const path = realpathSync(resolve(folder, location));
    if (!path.startsWith(folder.endsWith(sep) ? folder : folder + sep)) {
      throw new Error("it is a link out of the model's folder");
    }
    return readFileSync(path);
  };
}
