/** The entry of wgsl_reflect that modules can import; its types are those of the package. */
declare module "wgsl_reflect/wgsl_reflect.module.js" {
  export { detectRaces } from "wgsl_reflect";
}
