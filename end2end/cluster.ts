// The real cluster of the tests, where `KUBECONFIG` names one that signs in with a token.
import { existsSync, readFileSync } from "node:fs";
import { request } from "node:https";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";

/** A Kubernetes API server, as far as the tests need it. */
export class Cluster {
  private constructor(
    readonly kubeconfig: string,
    readonly server: string,
    readonly token: string,
    readonly ca: string,
  ) {}

  /** The cluster that `KUBECONFIG` names; none where it names none, or one that is signed in to in another way. */
  static fromEnvironment(): Cluster | undefined {
    const path = process.env.KUBECONFIG;
    if (!path || !existsSync(path)) return undefined;
    const { clusters, users } = parse(readFileSync(path, "utf8"));
    const { server, "certificate-authority": file, "certificate-authority-data": data } = clusters[0].cluster;
    const ca = data ? Buffer.from(data, "base64").toString() : readFileSync(resolve(dirname(path), file), "utf8");
    const token = users[0].user.token;
    return token && new Cluster(path, server, token, ca);
  }

  /** Sends a request, and gives the answer's body. */
  call(method: string, path: string, body?: unknown): Promise<any> {
    const options = { method, ca: this.ca, headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json" } };
    return new Promise((done, failed) => {
      const sent = request(this.server + path, options, (answer) => {
        let text = "";
        answer.on("data", (chunk) => (text += chunk));
        answer.on("end", () => {
          if (answer.statusCode! < 300) done(JSON.parse(text));
          else failed(new Error(`${method} ${path} answered ${answer.statusCode}: ${text}`));
        });
      });
      sent.on("error", failed);
      sent.end(body && JSON.stringify(body));
    });
  }

  /** Makes a namespace in which two deployments run an image. */
  async fill(namespace: string, image: string): Promise<void> {
    await this.call("POST", "/api/v1/namespaces", { metadata: { name: namespace } });
    for (const name of ["api", "web"]) {
      const container = { name: "app", image, imagePullPolicy: "IfNotPresent", command: ["/busybox", "sleep", "36000"] };
      const pod = { terminationGracePeriodSeconds: 1, automountServiceAccountToken: false, containers: [container] };
      const spec = {
        replicas: 2,
        selector: { matchLabels: { app: name } },
        template: { metadata: { labels: { app: name } }, spec: pod },
      };
      await this.call("POST", `/apis/apps/v1/namespaces/${namespace}/deployments`, { metadata: { name }, spec });
    }
  }

  /** The images of a namespace's pods that are there to stay, each once. */
  async images(namespace: string): Promise<string[]> {
    const { items } = await this.call("GET", `/api/v1/namespaces/${namespace}/pods`);
    const staying = items.filter((pod: any) => !pod.metadata.deletionTimestamp);
    return [...new Set<string>(staying.map((pod: any) => pod.spec.containers[0].image))].sort();
  }

  /** Removes a namespace with all that is in it. */
  async remove(namespace: string): Promise<void> {
    await this.call("DELETE", `/api/v1/namespaces/${namespace}`).catch(() => undefined);
  }
}
