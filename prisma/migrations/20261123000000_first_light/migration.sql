-- CreateTable
CREATE TABLE "Device" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "name" TEXT NOT NULL,
    "secretHash" TEXT NOT NULL,
    "platform" TEXT NOT NULL,
    "joinedAt" DATETIME NOT NULL,
    "lastSeenAt" DATETIME NOT NULL
);

-- CreateTable
CREATE TABLE "Model" (
    "name" TEXT NOT NULL PRIMARY KEY,
    "sha256" TEXT NOT NULL,
    "bytes" BIGINT NOT NULL,
    "graphSha256" TEXT NOT NULL,
    "graphBytes" BIGINT NOT NULL,
    "weightsSha256" TEXT,
    "weightsBytes" BIGINT,
    "profileSha256" TEXT NOT NULL,
    "dimensions" JSONB NOT NULL,
    "inputs" JSONB NOT NULL,
    "outputs" JSONB NOT NULL,
    "layers" JSONB NOT NULL,
    "parameters" BIGINT NOT NULL,
    "createdAt" DATETIME NOT NULL
);

-- CreateTable
CREATE TABLE "Deployment" (
    "name" TEXT NOT NULL PRIMARY KEY,
    "modelName" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "reason" TEXT,
    "request" JSONB NOT NULL,
    "policy" JSONB NOT NULL,
    "plan" JSONB NOT NULL,
    "seats" JSONB NOT NULL,
    "createdAt" DATETIME NOT NULL,
    CONSTRAINT "Deployment_modelName_fkey" FOREIGN KEY ("modelName") REFERENCES "Model" ("name") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Shard" (
    "deploymentName" TEXT NOT NULL,
    "step" TEXT NOT NULL,
    "index" INTEGER NOT NULL,
    "seat" INTEGER,
    "graphSha256" TEXT NOT NULL,
    "graphBytes" BIGINT NOT NULL,
    "weightsSha256" TEXT,
    "weightsBytes" BIGINT,

    PRIMARY KEY ("deploymentName", "step", "index"),
    CONSTRAINT "Shard_deploymentName_fkey" FOREIGN KEY ("deploymentName") REFERENCES "Deployment" ("name") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Event" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "at" DATETIME NOT NULL,
    "level" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "message" TEXT NOT NULL,
    "device" TEXT,
    "deployment" TEXT
);

-- CreateTable
CREATE TABLE "LatencySummary" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "deployment" TEXT NOT NULL,
    "at" DATETIME NOT NULL,
    "counts" JSONB NOT NULL,
    "percentiles" JSONB NOT NULL
);

-- CreateIndex
CREATE INDEX "Deployment_modelName_idx" ON "Deployment"("modelName");

-- CreateIndex
CREATE INDEX "Event_device_idx" ON "Event"("device");

-- CreateIndex
CREATE INDEX "Event_deployment_idx" ON "Event"("deployment");

-- CreateIndex
CREATE INDEX "LatencySummary_deployment_idx" ON "LatencySummary"("deployment");
