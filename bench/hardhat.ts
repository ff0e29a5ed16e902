// By its path: the package `hardhat` of this folder is empty (empty/package.json).
export { default as hardhat } from "../node_modules/hardhat/dist/src/index.js";
