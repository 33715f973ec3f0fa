-- AlterTable
ALTER TABLE "Event" ADD COLUMN "measures" JSONB;
