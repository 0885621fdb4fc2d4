//! Ids: UUIDv7 strings on the wire, one type per noun.

id!(
    /// A site.
    SiteId
);
id!(
    /// A cluster of a site.
    ClusterId
);
id!(
    /// An environment.
    EnvironmentId
);
id!(
    /// An app instance.
    AppInstanceId
);
id!(
    /// An observed service.
    ServiceId
);
id!(
    /// A row of the version matrix.
    MatrixRowId
);
id!(
    /// A revision of an environment.
    RevisionId
);
id!(
    /// A deployment; on the REST API of seed 003 the id of a sync.
    DeploymentId
);
id!(
    /// One service's part of a deployment.
    TaskId
);
id!(
    /// A stored preview of a sync.
    PreviewId
);
