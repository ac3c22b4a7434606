/** Calls `/api/v1` with an access token, for the demo and the development mode. */
import type {
  AuditPage,
  CreatedEnrollmentToken,
  CreateEnrollmentToken,
  Disclosure,
  CreateDisclosure,
  ExposurePage,
  RecoveryKeyPage,
} from '@keydesk/contract'

export interface ApiClient {
  createEnrollmentToken(body: CreateEnrollmentToken): Promise<CreatedEnrollmentToken>
  findRecoveryKeys(keyId: string): Promise<RecoveryKeyPage>
  disclose(body: CreateDisclosure): Promise<Disclosure>
  listExposures(): Promise<ExposurePage>
  listAuditEntries(after: number): Promise<AuditPage>
}

export function apiClient(origin: string, accessToken: string): ApiClient {
  const call = async (method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> => {
    const response = await fetch(`${origin}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${accessToken}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const answer: unknown = await response.json()
    if (!response.ok) {
      const { code, detail } = answer as { code?: string; detail?: string }
      throw new Error(`${method} ${path}: ${response.status} ${code ?? ''} ${detail ?? ''}`)
    }
    return answer
  }
  return {
    createEnrollmentToken: async (body) =>
      (await call('POST', '/enrollment-tokens', body)) as CreatedEnrollmentToken,
    findRecoveryKeys: async (keyId) =>
      (await call('GET', `/recovery-keys?keyId=${encodeURIComponent(keyId)}`)) as RecoveryKeyPage,
    disclose: async (body) => (await call('POST', '/disclosures', body)) as Disclosure,
    listExposures: async () => (await call('GET', '/exposures')) as ExposurePage,
    listAuditEntries: async (after) =>
      (await call('GET', `/audit/entries?after=${after}`)) as AuditPage,
  }
}
