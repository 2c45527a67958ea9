/** Names of the contract's files, sorted. */
export function protoFiles(): string[];
export function protoText(name: string): string;
/** The text of src/generated/schema.ts. */
export function schemaText(): string;
