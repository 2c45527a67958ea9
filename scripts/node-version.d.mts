export declare const OLDEST_NODE: string;
export declare function isSupportedNode(version: string, oldest?: string): boolean;
