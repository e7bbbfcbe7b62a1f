/**
 * @file Gathers what exporters scatter: softmax, layer norm, gelu and attention written out in small ops become one op
 * each, which says itself in fewer and better loops.
 */
import * as func from "../../dialects/func.ts";
import { applyGreedily } from "../../rewrite/greedy.ts";
import { definePass } from "../../rewrite/pass.ts";
import { RuleSet } from "../../rewrite/rule.ts";
import { activationRules } from "./recognize/activations.ts";
import { normalizeRules } from "./recognize/normalize.ts";

const rules = new RuleSet([...activationRules, ...normalizeRules]);

export const recognize = definePass("graph-recognize", {
  doc:
    "Gathers what exporters write out in small ops: softmax, layer and RMS normalisation, gelu, swish, hard swish. What is " +
    "not the same to the last bit is left alone under the numerics policy `strict`.",
  on: func.func,
  options: {},
  run(fn, _options, pass) {
    return applyGreedily(fn, pass.context, { rules, fold: false, regions: false, onRule: (doc) => pass.count(doc) })
      .changed;
  },
});
