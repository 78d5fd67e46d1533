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

export const createPostings = (): Postings => {
  const documentsOf = new Map<string, Set<string>>();
  const namesOf = new Map<string, readonly string[]>();

  const information = (name: string): number =>
    Math.log(1 + (1 + namesOf.size) / (1 + (documentsOf.get(name)?.size ?? 0)));

  return {
    add(document, names) {
      const distinct = [...new Set(names)];
      namesOf.set(document, distinct);
      for (const name of distinct) {
        const documents = documentsOf.get(name);
        if (documents === undefined) documentsOf.set(name, new Set([document]));
        else documents.add(document);
      }
    },
    remove(document) {
      for (const name of namesOf.get(document) ?? []) {
        const documents = documentsOf.get(name);
        documents?.delete(document);
        if (documents?.size === 0) documentsOf.delete(name);
      }
      namesOf.delete(document);
    },
    similarities(query) {
      const shared = new Map<string, number>();
      let asked = 0;
      for (const [name, weight] of query) {
        const worth = weight * information(name);
        asked += worth;
        for (const document of documentsOf.get(name) ?? []) shared.set(document, (shared.get(document) ?? 0) + worth);
      }
      const similarities = new Map<string, number>();
      for (const [document, worth] of shared) {
        const held = (namesOf.get(document) ?? []).reduce((sum, name) => sum + information(name), 0);
        similarities.set(document, Math.min(1, worth / Math.sqrt(asked * held)));
      }
      return similarities;
    },
  };
};
