/** Where the bytes of a study live; with a version they never change and are cached for a year. */
export class StudyAddresses {
  private readonly base: string

  constructor(
    apiBase: string,
    studyInstanceUid: string,
    private readonly version?: string | number,
  ) {
    this.base = `${apiBase}/studies/${encodeURIComponent(studyInstanceUid)}`
  }

  manifest(): string {
    return `${this.base}/manifest`
  }

  thumbnail(sopInstanceUid: string, frameNumber: number): string {
    return this.versioned(`${this.frame(sopInstanceUid, frameNumber)}/thumbnail`)
  }

  preview(sopInstanceUid: string, frameNumber: number): string {
    return this.versioned(`${this.frame(sopInstanceUid, frameNumber)}/preview`)
  }

  /** The leads of an electrocardiogram, in microvolts. */
  ecg(sopInstanceUid: string): string {
    return this.versioned(`${this.base}/instances/${encodeURIComponent(sopInstanceUid)}/ecg`)
  }

  /** The lossless frame; what comes back is chosen by the Accept header. */
  pixels(sopInstanceUid: string, frameNumber: number): string {
    return this.versioned(this.frame(sopInstanceUid, frameNumber))
  }

  private frame(sopInstanceUid: string, frameNumber: number): string {
    return `${this.base}/instances/${encodeURIComponent(sopInstanceUid)}/frames/${frameNumber}`
  }

  private versioned(path: string): string {
    return this.version === undefined ? path : `${path}?v=${encodeURIComponent(this.version)}`
  }
}
