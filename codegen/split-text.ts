/** @file The driver of runtime/split.ts as text, made by `npm run driver`. */
// biome-ignore-all lint: it is as the bundler made it
// biome-ignore-all format: one line, as it ships
export const splitText =
  "var n=class{inputs;outputs;#r;#t;#o=Promise.resolve();constructor(r,o,t){this.inputs=r.inputs,this.outputs=r.outputs,this.#r=o,this.#t=t}run(r){let o=this.#o.then(()=>this.#e(r));return this.#o=o.catch(()=>{}),o}async#e(r){for(let t in r)if(!this.inputs.some(e=>e.name===t))throw new TypeError(`the model has no input \"${t}\"`);let o={...r};for(let t of this.#r)Object.assign(o,await t.run(Object.fromEntries(t.inputs.map(({name:e})=>[e,o[e]]))));return Object.fromEntries(this.#t.map(([t,e])=>[t,o[e]]))}dispose(){for(let r of this.#r)r.dispose()}};const SplitSession=n;";
