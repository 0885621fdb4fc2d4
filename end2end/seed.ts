// Fills a fresh Lockstep over its REST API: three environments of the stand-in's namespaces.
import { expect, type Api, type Standin } from "./fixtures";

const stages = [
  { name: "Development", cluster: "local", suffix: "dev" },
  { name: "Staging", cluster: "c-m-stage001", suffix: "staging" },
  { name: "Production", cluster: "c-m-prod0001", suffix: "prod" },
];

/** Binds the stand-in's namespaces to the environments there are, and waits until all services are seen. */
export async function bind(api: Api): Promise<void> {
  const environments = await api.get("/api/environments");
  for (const { name, cluster, suffix } of stages) {
    const environment = environments.find((environment: any) => environment.name === name);
    const many = ["shop", "payments", "platform"].map((application) => ({
      cluster,
      namespace: `${application}-${suffix}`,
      environmentId: environment.id,
    }));
    await api.post("/api/app-instances/batch", many);
  }
  await expect.poll(async () => (await api.get("/api/services")).length).toBe(84);
}

/** Connects the stand-in and binds it to Development, Staging and Production. */
export async function seed(api: Api, standin: Standin): Promise<void> {
  await api.connectStandin(standin);
  for (const { name } of stages) await api.post("/api/environments", { name });
  await bind(api);
}

/** The service of an environment with this name. */
export async function service(api: Api, environment: string, name: string): Promise<any> {
  const environments = await api.get("/api/environments");
  const { id } = environments.find((one: any) => one.name === environment);
  const found = await api.get(`/api/services?env=${id}&q=${name}`);
  return found.find((service: any) => service.name === name);
}
