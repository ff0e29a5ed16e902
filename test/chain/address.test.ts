import { expect } from "chai";
import { REGISTRY } from "../../src/chain/address.js";
import { deployments } from "../../src/chain/deployment.js";
import * as topics from "../../src/chain/topics.js";
import { AttestationRegistry__factory } from "../../src/bindings/index.js";
import { Interface } from "ethers";

describe("what a browser knows of the registry without its code", () => {
  it("is the address that the code makes", () => {
    expect(REGISTRY).to.equal(deployments()[1].address);
  });

  it("is the topics of its events", () => {
    const contract = new Interface(AttestationRegistry__factory.abi);
    for (const [name, topic] of Object.entries(topics)) {
      const event = `${name.charAt(0)}${name.slice(1).toLowerCase()}`;
      expect(topic, name).to.equal(contract.getEvent(event)!.topicHash);
    }
    expect(Object.keys(topics)).to.have.length(5);
  });
});
