/** @file strip-debuginfo: forgets where things come from. */
import { definePass } from "../../rewrite/pass.ts";
import { unknownLocation } from "../../support/location.ts";

export const stripDebugInfo = definePass("strip-debuginfo", {
  doc: "Replaces all locations by unknown ones.",
  run(op) {
    op.walk((o) => {
      o.loc = unknownLocation;
      for (const region of o.regions) for (const block of region.blocks) block.argLocations = null;
    });
  },
});
