/** An inverted index from names to the documents that hold them. */
export interface Postings {
  add(document: string, names: Iterable<string>): void;
  remove(document: string): void;
  /**
   * For every document that shares a name: the shared information over the geometric mean of the query's and
   * the document's information, 0 to 1 (a cosine with inverse document frequencies as squared lengths).
   */
  similarities(query: ReadonlyMap<string, number>): Map<string, number>;
}

/** A name in more documents than this tells few of them apart, and walking them costs milliseconds. */
const MAX_DOCUMENTS_OF_NAME = 1_000;

interface Entry {
  readonly name: string;
  readonly documents: Set<Document>;
  /** Information of the name, kept until the index changes. */
  information: number;
  revision: number;
}

interface Document {
  readonly id: string;
  readonly names: readonly Entry[];
  /** Sum of the running query, which it belongs to: cheaper than a map for common names. */
  shared: number;
  query: number;
  /** Information of all names, kept likewise. */
  information: number;
  revision: number;
}

export const createPostings = (): Postings => {
  const entries = new Map<string, Entry>();
  const documents = new Map<string, Document>();
  let revision = 0;
  let nQueries = 0;

  const informationOf = (entry: Entry): number => {
    if (entry.revision !== revision) {
      entry.information = Math.log(1 + (1 + documents.size) / (1 + entry.documents.size));
      entry.revision = revision;
    }
    return entry.information;
  };
  const informationIn = (document: Document): number => {
    if (document.revision !== revision) {
      document.information = document.names.reduce((sum, entry) => sum + informationOf(entry), 0);
      document.revision = revision;
    }
    return document.information;
  };

  return {
    add(id, names) {
      revision += 1;
      const held: Entry[] = [];
      for (const name of new Set(names)) {
        const entry = entries.get(name) ?? { name, documents: new Set(), information: 0, revision: 0 };
        entries.set(name, entry);
        held.push(entry);
      }
      const document: Document = { id, names: held, shared: 0, query: 0, information: 0, revision: 0 };
      for (const entry of held) entry.documents.add(document);
      documents.set(id, document);
    },
    remove(id) {
      const document = documents.get(id);
      if (document === undefined) return;
      revision += 1;
      documents.delete(id);
      for (const entry of document.names) {
        entry.documents.delete(document);
        if (entry.documents.size === 0) entries.delete(entry.name);
      }
    },
    similarities(query) {
      nQueries += 1;
      const touched: Document[] = [];
      let asked = 0;
      for (const [name, weight] of query) {
        const entry = entries.get(name);
        const information = entry === undefined ? Math.log(2 + documents.size) : informationOf(entry);
        asked += weight * information;
        if (entry === undefined || entry.documents.size > MAX_DOCUMENTS_OF_NAME) continue;
        for (const document of entry.documents) {
          if (document.query !== nQueries) {
            document.query = nQueries;
            document.shared = 0;
            touched.push(document);
          }
          document.shared += weight * information;
        }
      }
      const similarities = new Map<string, number>();
      for (const document of touched) {
        similarities.set(document.id, Math.min(1, document.shared / Math.sqrt(asked * informationIn(document))));
      }
      return similarities;
    },
  };
};
